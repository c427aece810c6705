"""A database that can't be reached: each cause is told apart, and says what to do."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from time import perf_counter

import pytest
from psycopg.conninfo import make_conninfo

from tests.doctor.deaf import deaf_pooler
from tests.doctor.place import Place, by_name
from tests.support.proxy import Proxy
from worker.doctor.checks.reach import kind_of
from worker.doctor.checks.unreachable import explained
from worker.doctor.examination import examine
from worker.doctor.finding import Level
from worker.doctor.patience import ALTOGETHER
from worker.embedded import THROW_AWAY, running

pytestmark = pytest.mark.newest_postgres

PROMISED = 15.0  # s
WITHIN = 30.0  # of a machine that has other work as well


@pytest.fixture
async def proxy(place: Place) -> AsyncIterator[Proxy]:
    started = await Proxy(place.db.url()).start()
    yield started
    await started.stop()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Bound, so that nobody takes it, and not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


async def test_no_database_is_named(place: Place) -> None:
    """What needs it is skipped, by name; the rest is looked at all the same."""
    found = await place.findings(url="")
    assert found["address"].level is Level.FAILING
    assert "--local" in found["address"].what_to_do
    assert found["server version"].what == "needs connection"
    assert found["round trip"].level is Level.OK


async def test_an_address_that_cant_be_read(place: Place) -> None:
    """The text itself is not repeated: it has a password in it."""
    finding = await place.finds("address", Level.FAILING, url="postgresql//pass-word@there:5432/x")
    assert "pass-word" not in finding.what + finding.what_to_do


async def test_a_host_without_an_address(place: Place) -> None:
    """A name server's answer is not taken for the database's."""
    url = "postgresql://postgres:pass-word@db.nowhere.invalid:5432/postgres"
    finding = await place.finds("host name", Level.FAILING, url=url)
    assert "db.nowhere.invalid has no address" in finding.what


async def test_nobody_listens(place: Place, closed_port: int) -> None:
    """A refused connection is told from a time-out."""
    url = f"postgresql://postgres@127.0.0.1:{closed_port}/postgres"
    finding = await place.finds("connection", Level.FAILING, url=url)
    assert "nothing listens there" in finding.what


async def test_a_wrong_password(place: Place, tmp_path: Path) -> None:
    """The refused password is told as such, and never printed."""
    with running(tmp_path / "own", options=THROW_AWAY, tcp=True, keep=False) as server:
        url = make_conninfo(server.tcp_url("supabase_admin"), password="pass-word")
        finding = await place.finds("connection", Level.FAILING, url=url)
    assert "the password is refused" in finding.what
    assert "pass-word" not in finding.what


async def test_tls_that_is_not_offered(place: Place, proxy: Proxy) -> None:
    """What TLS needs is told apart from what the network needs."""
    finding = await place.finds(
        "connection", Level.FAILING, url=make_conninfo(proxy.url, sslmode="require")
    )
    assert "TLS can't be agreed on" in finding.what


async def test_no_such_database(place: Place) -> None:
    """A wrong name behind a right host is told."""
    url = make_conninfo(place.db.url(), dbname="nobody")
    finding = await place.finds("connection", Level.FAILING, url=url)
    assert "no such database or user" in finding.what


async def test_only_ipv6(place: Place) -> None:
    """The direct connection of a project without IPv4: the session pooler is the way out."""
    url = "postgresql://postgres@[2001:db8::1]:5432/postgres?connect_timeout=2"
    finding = await place.finds("connection", Level.FAILING, url=url)
    assert "only an IPv6 address" in finding.what
    assert "pooler.supabase.com:5432" in finding.what_to_do


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("FATAL:  Tenant or user not found", "knows no such project"),
        ("FATAL: MaxClientsInSessionMode: max clients reached", "connections are in use"),
        ("FATAL:  remaining connection slots are reserved", "connections are in use"),
        ('SSL error: certificate verify failed, host "x"', "TLS"),
        ("server closed the connection unexpectedly", "can't be reached"),
    ],
)
def test_what_poolers_say(said: str, told: str) -> None:
    """Words that no server of these tests says have their advice, too."""
    finding = explained("postgresql://h/x", said, only_ipv6=False)
    assert told in finding.what
    assert finding.what_to_do


async def test_a_transaction_pooler(place: Place) -> None:
    """Known by its port, before anything is lost through it."""
    url = "postgresql://postgres.abc@db.nowhere.invalid:6543/postgres"
    finding = await place.finds("kind of connection", Level.FAILING, url=url)
    assert "session pooler" in finding.what_to_do


@pytest.mark.parametrize(
    ("host", "kind"),
    [
        ("db.abc.supabase.co", "direct"),
        ("aws-0-eu-central-1.pooler.supabase.com", "session pooler"),
        ("postgres.example.com", "a Postgres outside Supabase"),
    ],
)
def test_the_kind_of_connection(place: Place, host: str, kind: str) -> None:
    """It is told by the address alone."""
    assert kind_of(place.examined(url=f"postgresql://postgres@{host}:5432/postgres")) == kind


async def test_notifications_that_never_arrive(place: Place) -> None:
    """A pooler that can't be known by its port is known by what it swallows."""
    async with deaf_pooler(place.db.url()) as url:
        finding = await place.finds("LISTEN", Level.FAILING, url=url)
    assert "never arrives" in finding.what


async def test_dead_hosts_cost_little_time(place: Place, silent_port: int) -> None:
    """With database, storage and providers all silent, the table is there within 15 seconds."""
    dead = f"http://127.0.0.1:{silent_port}"
    keys = tuple(type(key)(key.provider, key.secret, dead) for key in place.examined().keys)
    began = perf_counter()
    found = await place.findings(
        url=f"postgresql://postgres@127.0.0.1:{silent_port}/postgres",
        keys=keys,
        settings={"supabase_url": dead, "public_url": dead, "port": silent_port},
    )
    assert ALTOGETHER < PROMISED
    assert perf_counter() - began < WITHIN
    for name in ("connection", "round trip", "Meshy account", "webhooks", "port"):
        assert found[name].level in (Level.FAILING, Level.WARNING), name
    assert "no answer in time" in found["connection"].what


async def test_a_network_that_dies_meanwhile(place: Place, proxy: Proxy) -> None:
    """Packets swallowed after the connection was made: each check ends, and so does the whole."""

    async def swallow() -> None:
        while not proxy.connections:
            await asyncio.sleep(0)
        proxy.blackhole()

    swallowing = asyncio.create_task(swallow())
    began = perf_counter()
    found = by_name(await examine(place.examined(url=proxy.url)))
    await swallowing
    assert perf_counter() - began < WITHIN
    assert any(finding.level is Level.FAILING for finding in found.values())
