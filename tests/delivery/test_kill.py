"""A worker is killed at every step of a delivery. Another one takes over: nothing is left twice."""

import asyncio
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import pytest

from tests.chaos.mortals import Mortal, born, steps_lived
from tests.chaos.world import World, world
from tests.chaos.worlds import LONG, survive_all
from tests.delivery import mortal
from tests.delivery.house import House
from tests.delivery.pieces import travel_in_pieces
from tests.support import jobs
from tests.support.daemon import until
from tests.support.jobs import Row
from tests.support.servers import Postgres
from tests.support.storage_server import storage_server

pytestmark = [
    pytest.mark.newest_postgres,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("haste", "pieces"),
]

LAMP: Row = {"prompt": "a lamp", "refine": False}  # the model, its original and a thumbnail
# Of the steps, in a short run: a download, the first upload, the last one, the transaction.
SHARES = (0.3, 0.8, 0.9, 0.97)
GIVE_UP = 300.0  # s
LOOK_EVERY = 0.25  # s; six worlds share one process with their servers

Fate = Literal["kill", "cancel", "sleep"]


@dataclass(frozen=True)
class Scene:
    world: World
    house: House
    fate: Fate

    def given(self, die_at: int) -> Row:
        more = {"supabase": self.house.storage.url, "job": str(self.world.job)}
        return {**self.world.given(die_at), **more, "fate": self.fate}


@dataclass(frozen=True)
class Stage:
    """Where each death happens in a world of its own."""

    server: Postgres
    template: str
    folder: Path
    fate: Fate = "kill"

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        place = (self.server, self.template, self.folder)
        with world(*place, "MESHY", request=LAMP) as here:
            objects = self.folder / f"{here.db.name} objects"
            objects.mkdir()
            with storage_server(here.db, objects) as storage:
                house = House(here.db, here.simulator, storage, self.folder)
                yield Scene(here, house, self.fate)

    async def count(self) -> int:
        with self.scene() as here:
            return await lived(here, 0)

    async def live(self, die_at: int) -> None:
        with self.scene() as here:
            if not await lived(here, die_at):
                await survive(here)
            judge(here)

    async def live_with_a_sleeper(self, asleep_at: int) -> None:
        with self.scene() as here:
            async with born(mortal.live, here.given(asleep_at)) as sleeper:
                await asyncio.wait_for(asleep_or_done(here, sleeper.pid), GIVE_UP)
                await survive(here, sleeper)
            judge(here)


@pytest.fixture
def pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the size that the mortals' are."""
    travel_in_pieces(mortal.PIECE, monkeypatch.setattr)


@pytest.fixture
def stage(server: Postgres, template: str, tmp_path: Path) -> Stage:
    return Stage(server, template, tmp_path)


async def test_a_worker_killed_at_any_step_of_a_delivery(stage: Stage) -> None:
    """Wherever SIGKILL hits: one set of files, all of them there and whole, one `settle`."""
    await survive_all(stage.live, deaths(await stage.count()))


async def test_a_cancel_and_then_a_kill_at_any_step_of_a_delivery(stage: Stage) -> None:
    """Canceled before it was dead: no row, the credits are back, and after upkeep no object."""
    steps = await stage.count()
    await survive_all(replace(stage, fate="cancel").live, deaths(steps))


async def test_a_worker_that_sleeps_through_its_lease(stage: Stage) -> None:
    """Awake again it goes on with what is another's by now: nothing comes of it but what goes."""
    steps = await stage.count()
    await survive_all(replace(stage, fate="sleep").live_with_a_sleeper, deaths(steps))


def deaths(steps: int) -> Iterable[int]:
    assert steps > 50
    return range(1, steps) if LONG else [int(share * steps) for share in SHARES]


async def lived(here: Scene, die_at: int) -> int:
    return await steps_lived(mortal.live, here.given(die_at), partial(the_end, here))


async def asleep_or_done(here: Scene, pid: int) -> None:
    """A life under load has some steps more than another one: the last ones may not come."""
    while state_of(pid) != "T" and not ended(here):
        await asyncio.sleep(LOOK_EVERY)


def state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


async def wake_up(sleeper: Mortal) -> None:
    """And let it end what it holds by itself, as it does when it is told to stop."""
    sleeper.signal(signal.SIGTERM)
    dead = asyncio.create_task(sleeper.steps())
    async with asyncio.timeout(GIVE_UP):
        while not dead.done():
            sleeper.signal(signal.SIGCONT)  # again: it may fall asleep only now
            await asyncio.wait({dead}, timeout=LOOK_EVERY)


async def the_end(here: Scene) -> None:
    """Not of a job that is canceled: its worker is about to die."""
    while not ended(here):
        await asyncio.sleep(LOOK_EVERY)


def ended(here: Scene) -> bool:
    return here.world.row["status"] in ("SUCCEEDED", "FAILED")


async def survive(here: Scene, sleeper: Mortal | None = None) -> None:
    """As a quarter of an hour later: leases have lapsed, and removals are due."""
    admin = here.world.db.admin
    admin.execute("update meshqueue.workers set seen_at = now() - interval '1 minute'")
    async with here.house.working() as survivor:
        query = (
            "update meshqueue.workers set unbroken_since = now() - interval '1 hour' where id = %s"
        )
        admin.execute(query, survivor.worker)
        await here.world.end()
        if sleeper:
            await wake_up(sleeper)
        await until(lambda: nothing_is_intended(here), "the end of what was intended")
        await here.house.remove_all(survivor)


def nothing_is_intended(here: Scene) -> bool:
    return here.world.db.admin.rows("select from meshqueue.intents") == []


def judge(here: Scene) -> None:
    row, house = here.world.row, here.house
    house.judge_rows()
    files = house.files(row["id"])
    if row["status"] == "CANCELED":
        assert here.fate == "cancel"
        assert files == []
        assert jobs.account(house.db, here.world.user)[1] == 0
        return
    assert row["status"] == "SUCCEEDED", row["error_code"]
    names = [(file["role"], file["format"]) for file in files]
    assert len(names) == len(set(names))
    assert {("model", "glb"), ("original", "glb"), ("thumbnail", "png")} <= set(names)
    endings = [kind for kind, _, hold in jobs.ledger(house.db, row["id"]) if hold < 0]
    assert endings == ["settle"]
