"""Names whose servers never answer, as whoever types an address may have them."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tests.fetching.authority import authority
from tests.fetching.fetching import fetching, whole
from tests.fetching.site import NAME, Line, Request, Site
from worker.fetching.guard import LoopbackToo, PublicOnly
from worker.fetching.patience import Patience
from worker.fetching.web import Internet

BODY = b"glTF" * 1000
AT_ONCE = 40
BRIEF = Patience(connect=0.2, stall=5, total=20)


@pytest.fixture
def silent_names(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Far beyond our patience, as the system's resolver waits for a server; `cdn.test` is there."""
    test_is_over = Event()

    def look_up(host: str, *_: object, **__: object) -> list[tuple[object, ...]]:
        if host != NAME:
            test_is_over.wait()
            raise socket.gaierror(socket.EAI_AGAIN, host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    yield
    test_is_over.set()


@pytest.mark.usefixtures("silent_names")
async def test_typed_addresses_stop_no_model(tmp_path: Path) -> None:
    """Their look-ups outlive our patience; the provider's files don't queue behind them."""

    async def served(_: Request, line: Line) -> None:
        await line.answer(200, BODY)

    within = Internet(LoopbackToo(PublicOnly()), tls=authority().trusted())
    async with (
        fetching(patience=BRIEF, within=within) as typed,
        fetching(within=within) as models,
        Site(served, authority().serves(NAME)) as site,
    ):
        urls = [f"https://name{n}.attacker.test/a.png" for n in range(AT_ONCE)]
        await asyncio.gather(*(typed.fetch(url, tmp_path / "picture") for url in urls))
        whole(await models.fetch(site.url, tmp_path / "model"), BODY)
