"""Keys, money, plans, pauses and clocks of the accounts that are paid."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.doctor.place import Place, keys_of
from tests.support.daemon import plan_for, until, working
from tests.support.jobs import create, rich_user
from worker.doctor.finding import Level
from worker.simulator import Fault, Rule, Simulator

pytestmark = pytest.mark.newest_postgres


async def test_a_key_that_is_refused(place: Place) -> None:
    """The provider's own refusal, and what to do; the key is not printed."""
    meshy, tripo = keys_of(place.simulator)
    keys = (replace(meshy, secret="msy_nobodys-key"), tripo)
    finding = await place.finds("Meshy account", Level.FAILING, keys=keys)
    assert "refuses the key" in finding.what
    assert "msy_nobodys-key" not in finding.what


async def test_the_balance_is_shown(place: Place) -> None:
    """What is left stands in the table."""
    found = await place.findings()
    assert "balance 10000" in found["Meshy account"].what
    assert "balance 10000" in found["Tripo account"].what


@pytest.mark.parametrize(("left", "level"), [(0, Level.FAILING), (40, Level.WARNING)])
async def test_little_money(place: Place, left: int, level: Level) -> None:
    """An empty account fails, one that is nearly empty warns."""
    with Simulator(seed=1, speed=100) as poor:
        poor.tripo.account.credits = left
        finding = await place.finds("Tripo account", level, keys=keys_of(poor))
    assert f"balance {left}" in finding.what


async def test_a_provider_that_is_down(place: Place) -> None:
    """Its own trouble is a warning: nothing here can be put right."""
    with Simulator(seed=1, speed=100) as down:
        down.script(Rule(Fault.ANSWER_5XX, "meshy", "balance", times=None))
        await place.finds("Meshy account", Level.WARNING, keys=keys_of(down))


async def test_no_key_at_all(place: Place) -> None:
    """`run` would refuse to start; with simulation that is no fault."""
    finding = await place.finds("keys", Level.FAILING, keys=())
    assert "MESHY_API_KEY or TRIPO_API_KEY" in finding.what_to_do
    found = await place.findings(keys=(), settings={"simulate": True})
    assert found["keys"].what == "Meshy (simulated), Tripo (simulated)"


async def test_a_plan_that_cant_create(place: Place, tmp_path: Path) -> None:
    """A worker met the free plan's refusal: told as what it is, not as a lack of money."""
    with Simulator(seed=1, speed=0) as free:
        free.script(Rule(Fault.FREE_PLAN, "meshy", times=None))
        create(place.db, rich_user(place.db))
        pauses = "select count(*) from meshqueue.pauses"
        async with working(plan_for(place.db, free, tmp_path / "objects")):
            await until(lambda: place.db.admin.value(pauses), "the pause")
        found = await place.findings()
    assert found["plan"].level is found["pauses"].level is Level.FAILING
    assert "free plan" in found["plan"].what
    assert "paid plan" in found["plan"].what_to_do


async def test_a_pause_of_the_operator(place: Place) -> None:
    """Somebody wanted it: a warning that it still stands."""
    place.db.admin.execute("select meshqueue.pause_provider('TRIPO')")
    assert "Tripo since" in (await place.finds("pauses", Level.WARNING)).what


async def test_deliveries_are_paused(place: Place) -> None:
    """A full storage that a worker met shows even if a small probe still fits."""
    place.db.admin.execute(
        "select meshqueue.pause_deliveries(gen_random_uuid(), 'storage_full', '{}')"
    )
    assert "deliveries since" in (await place.finds("pauses", Level.FAILING)).what


@pytest.mark.parametrize(
    ("off", "level"),
    [(timedelta(seconds=-20), Level.WARNING), (timedelta(minutes=10), Level.FAILING)],
)
async def test_clocks_that_differ(place: Place, off: timedelta, level: Level) -> None:
    """Against a provider's clock, which dates the tasks that we look for."""
    meshy, tripo = keys_of(place.simulator)
    with provider_at(off) as address:
        found = await place.findings(keys=(replace(meshy, base_url=address), tripo))
    assert found["Meshy clock"].level is level
    assert found["clock"].level is Level.OK


@pytest.mark.parametrize(
    ("off", "level"),
    [(timedelta(seconds=20), Level.WARNING), (timedelta(minutes=-2), Level.FAILING)],
)
async def test_this_machines_clock_is_off(place: Place, off: timedelta, level: Level) -> None:
    """Against the database, which dates everything."""
    found = await place.findings(clock=lambda: datetime.now(UTC) + off)
    assert found["clock"].level is level
    assert ("ahead" if off > timedelta() else "behind") in found["clock"].what


@contextmanager
def provider_at(off: timedelta) -> Iterator[str]:
    """Says a time, and nothing else that is of use."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.send_response_only(404)
            self.send_header("Date", format_datetime(datetime.now(UTC) + off, usegmt=True))
            self.end_headers()

        do_GET = do_HEAD = answer  # noqa: N815 - their names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
