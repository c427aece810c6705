"""Addresses that nobody would type, and redirects that nobody would send."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fetching.fetching import HASTE, MOST, fetching
from tests.fetching.site import Line, Request, Site
from worker.fetching import Fetched, Fetcher, NotFetched
from worker.fetching.guard import PublicOnly
from worker.fetching.web import Internet

ODD = st.text(alphabet=st.sampled_from("a0.:/?#[]@%\\-_~ \t\r\n\x00é①\u202e\ud800xn"), max_size=40)
ADDRESSES = st.builds(
    "{}{}".format,
    st.sampled_from(["https://", "HTTPS:", "https:///", "//", "http://", "", "https://a@", "\t"]),
    ODD | st.text(max_size=40) | st.ip_addresses().map(str),
)


async def all_is_inside(host: str, port: int) -> list[str]:
    assert host
    assert 1 <= port <= 65535
    return ["10.0.0.7"]


async def fetched(address: str, target: Path) -> Fetched | NotFetched:
    fetcher = Fetcher(MOST, patience=HASTE, internet=Internet(PublicOnly(), all_is_inside))
    try:
        return await fetcher.fetch(address, target)
    finally:
        await fetcher.close()


@given(ADDRESSES)
@example("https://xn--\u00e9/")
@example("https://[::1%25lo]/")
@settings(max_examples=200, deadline=None)
def test_any_text_ends_as_a_value(address: str) -> None:
    """No exception, no file, no request to a place inside."""
    with tempfile.TemporaryDirectory() as folder:
        outcome = asyncio.run(fetched(address, Path(folder) / "a"))
        assert isinstance(outcome, NotFetched)
        assert not list(Path(folder).iterdir())


LINE = st.binary(max_size=40).filter(lambda said: not {0, 10, 13} & set(said))


@given(st.sampled_from([b"", b"/", b"//", b"http://", b"https://10."]), LINE)
@settings(max_examples=75, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_redirect_ends_as_a_value(start: bytes, rest: bytes) -> None:
    """It stays on this site, or is refused."""

    async def onward(_: Request, line: Line) -> None:
        await line.send(b"HTTP/1.1 302 so\r\ncontent-length: 0\r\nlocation: ")
        await line.send(start + rest + b"\r\n\r\n")

    async def run(target: Path) -> Fetched | NotFetched:
        within = Internet(PublicOnly(), all_is_inside_but_us)
        async with Site(onward) as site, fetching(site, within=within) as fetcher:
            return await fetcher.fetch(site.url, target)

    with tempfile.TemporaryDirectory() as folder:
        assert isinstance(asyncio.run(run(Path(folder) / "a")), NotFetched)
        assert not list(Path(folder).iterdir())


async def all_is_inside_but_us(host: str, port: int) -> list[str]:
    return [host] if host == "127.0.0.1" else await all_is_inside(host, port)


@pytest.mark.parametrize("limit", [0, 1, MOST])
async def test_a_limit_holds_for_any_size(tmp_path: Path, limit: int) -> None:
    """One byte above it is too many, and the limit itself is not."""

    async def served(request: Request, line: Line) -> None:
        await line.answer(200, bytes(int(request.path[1:])))

    async with Site(served) as site, fetching(site, most=limit) as fetcher:
        over = await fetcher.fetch(f"{site.url}/{limit + 1}", tmp_path / "over")
        just = await fetcher.fetch(f"{site.url}/{limit}", tmp_path / "just")
    assert isinstance(over, NotFetched)
    assert over.why == f"it is larger than {limit} bytes"
    assert isinstance(just, Fetched) is (limit > 0)
