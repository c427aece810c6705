"""The port here, and the address outside."""

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr

from tests.doctor.place import Place
from tests.support.daemon import plan_for, until, working
from worker.doctor.finding import Level

pytestmark = pytest.mark.newest_postgres


class Stranger(BaseHTTPRequestHandler):
    """Another program."""

    def answer(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    do_GET = do_POST = answer  # noqa: N815 - their names

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def stranger() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound, so that nobody takes it, and not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@asynccontextmanager
async def worker_at(place: Place, folder: Path, port: int) -> AsyncIterator[str]:
    plan = plan_for(place.db, place.simulator, folder, serve_http=True, port=port)
    async with working(plan) as daemon:
        await until(lambda: daemon.server and daemon.server.started, "the server")
        yield f"http://127.0.0.1:{port}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def test_a_port_that_nobody_listens_on(place: Place, closed_port: int) -> None:
    """Given, as a platform gives it, and no worker there: its health check would fail."""
    finding = await place.finds("port", Level.WARNING, settings={"port": closed_port})
    assert f"PORT is {closed_port}" in finding.what


async def test_a_port_that_is_taken(place: Place, stranger: int) -> None:
    """Another program answers there, and a worker could not start."""
    finding = await place.finds("port", Level.FAILING, settings={"port": stranger})
    assert "another program" in finding.what


async def test_the_usual_port_is_taken(
    place: Place, stranger: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where PORT is not given the worker may run elsewhere: a web server here breaks nothing."""
    monkeypatch.setattr("worker.doctor.checks.web.DEFAULT_PORT", stranger)
    found = await place.findings(settings={"port": None})
    assert found["port"].level is Level.OK
    assert "another program" in found["port"].what


async def test_a_worker_that_is_reached(place: Place, tmp_path: Path) -> None:
    """The port is a worker's; the public address answers, and refuses a forged webhook."""
    port = free_port()
    given = {"port": port, "meshy_webhook_secret": SecretStr("a secret of ours")}
    async with worker_at(place, tmp_path / "objects", port) as url:
        found = await place.findings(settings={**given, "public_url": url})
    assert found["port"].what == f"a worker answers on {port}"
    assert found["webhooks"].level is Level.OK
    assert "refuses what is forged" in found["webhooks"].what


async def test_webhooks_need_an_address(place: Place) -> None:
    """With a secret and no address nothing can be tried, and the variable is named."""
    given = {"tripo_webhook_secret": SecretStr("whsec_of ours")}
    found = await place.findings(settings=given)
    assert found["webhooks"].level is Level.SKIPPED
    assert "MESHQUEUE_PUBLIC_URL" in found["webhooks"].what
    assert "TRIPO_WEBHOOK_SECRET" in found["webhooks"].what


async def test_the_address_leads_elsewhere(place: Place, stranger: int) -> None:
    """Something answers, and it is no worker."""
    url = f"http://127.0.0.1:{stranger}"
    finding = await place.finds("webhooks", Level.FAILING, settings={"public_url": url})
    assert "another program" in finding.what_to_do


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
async def test_the_address_leads_nowhere(place: Place, closed_port: int, host: str) -> None:
    """Nobody answers there, or the name is wrong."""
    url = f"http://{host}:{closed_port}"
    finding = await place.finds("webhooks", Level.FAILING, settings={"public_url": url})
    assert host in finding.what
