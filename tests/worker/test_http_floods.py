"""The HTTP face is open to anybody: what a stranger can take of it is bounded."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.support.database import Database
from tests.worker.test_http import SECRET_HEADER, facing
from worker.daemon.daemon import Daemon
from worker.http import health, server, webhooks
from worker.http.server import Server
from worker.simulator import Simulator

pytestmark = pytest.mark.newest_postgres

HOOK = "/webhooks/meshy"
NO_HEAD = b""
HALF_A_HEAD = b"GET /healthz HTTP/1.1\r\nHos"
HALF_A_BODY = b"POST /webhooks/meshy HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nx"


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=0) as simulator:
        yield simulator


def server_of(daemon: Daemon) -> Server:
    assert daemon.server
    return daemon.server


@asynccontextmanager
async def connections(
    client: httpx.AsyncClient, count: int, said: bytes
) -> AsyncIterator[list[asyncio.StreamReader]]:
    made = [
        await asyncio.open_connection(client.base_url.host, client.base_url.port)
        for _ in range(count)
    ]
    for _, writer in made:
        writer.write(said)
        await writer.drain()
    try:
        yield [reader for reader, _ in made]
    finally:
        for _, writer in made:
            writer.close()


@pytest.mark.parametrize("said", [NO_HEAD, HALF_A_HEAD, HALF_A_BODY])
async def test_one_machine_does_not_take_the_health_checks_place(
    db: Database, simulator: Simulator, tmp_path: Path, said: bytes
) -> None:
    """Two hundred connections that never finish a request, and the platform still hears of us."""
    async with (
        facing(db, simulator, tmp_path) as (_, client),
        connections(client, 250, said),
    ):
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("said", [NO_HEAD, HALF_A_HEAD])
async def test_who_asks_nothing_is_sent_away(
    db: Database, simulator: Simulator, tmp_path: Path, said: bytes
) -> None:
    """At the second look; who came since the first one stays."""
    async with (
        facing(db, simulator, tmp_path) as (daemon, client),
        connections(client, 1, said) as (idle,),
    ):
        await client.get("/healthz")  # by now the server knows the connection
        server_of(daemon).close_idle()
        await client.get("/healthz")
        server_of(daemon).close_idle()
        assert await idle.read() == b""
        assert (await client.get("/healthz")).status_code == 200


async def test_a_body_that_does_not_come_is_not_waited_for(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sender is told so, and the connection is closed."""
    monkeypatch.setattr(webhooks, "BODY_WITHIN", 0.05)
    async with (
        facing(db, simulator, tmp_path) as (_, client),
        connections(client, 1, HALF_A_BODY) as (slow,),
    ):
        assert (await slow.read()).startswith(b"HTTP/1.1 408")


async def test_more_bodies_than_fit_are_refused(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider sends its webhook again; the worker's memory is not there again."""
    monkeypatch.setattr(webhooks, "AT_ONCE", 0)
    async with facing(db, simulator, tmp_path) as (_, client):
        assert (await client.post(HOOK, json={})).status_code == 503


async def test_a_strangers_secret_costs_no_question(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can't be a user's secret is refused without the database."""
    async with facing(db, simulator, tmp_path) as (daemon, client):
        monkeypatch.delattr(type(daemon.engine), "webhook_hashes")
        sent = await client.post(HOOK, headers={SECRET_HEADER: str(uuid4())}, json={})
        assert sent.status_code == 401


async def test_who_asks_often_whether_we_are_ready_is_told_the_same_again(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks, and however often: the database is asked once in a while."""
    monkeypatch.setattr(health, "FRESH_FOR", 600.0)
    async with facing(db, simulator, tmp_path) as (daemon, client):
        first = (await client.get("/readyz")).json()["queue"]
        monkeypatch.delattr(type(daemon.engine), "health")
        assert (await client.get("/readyz")).json()["queue"] == first


async def test_a_webhook_that_is_answered_makes_room(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever its answer was, the next one has its place."""
    monkeypatch.setattr(webhooks, "AT_ONCE", 1)
    async with facing(db, simulator, tmp_path) as (_, client):
        for content in (b"{}", b" " * 1_000_001, b"{}"):
            assert (await client.post(HOOK, content=content)).status_code in (401, 413)


async def test_idle_connections_are_looked_for(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the server itself, for as long as it runs."""
    monkeypatch.setattr(server, "IDLE_FOR", 1)
    async with (
        facing(db, simulator, tmp_path) as (_, client),
        connections(client, 1, NO_HEAD) as (idle,),
        asyncio.timeout(30),
    ):
        assert await idle.read() == b""


async def test_who_asked_since_the_last_look_stays(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """A connection that is used again and again is none of the idle ones."""
    async with facing(db, simulator, tmp_path) as (daemon, client):
        reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
        async with asyncio.timeout(30):
            for _ in range(3):
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n")
                assert (await reader.readuntil(b'alive"}')).startswith(b"HTTP/1.1 200")
                server_of(daemon).close_idle()
        writer.close()


async def test_what_was_told_is_asked_anew(
    db: Database, simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that was kept is not told for ever."""
    monkeypatch.setattr(health, "FRESH_FOR", 0.0)
    async with facing(db, simulator, tmp_path) as (_, client):
        assert (await client.get("/readyz")).json()["queue"]["paused"] == {}
        db.admin.execute("select meshqueue.pause_provider('MESHY')")
        assert list((await client.get("/readyz")).json()["queue"]["paused"]) == ["MESHY"]
