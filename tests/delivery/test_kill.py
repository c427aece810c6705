"""A worker is killed at every step of a delivery. Another one takes over: nothing is left twice."""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.chaos.world import World, world
from tests.chaos.worlds import LONG, survive_all
from tests.delivery.house import House
from tests.support import jobs
from tests.support.daemon import until
from tests.support.jobs import Row
from tests.support.servers import Postgres
from tests.support.storage_server import storage_server

pytestmark = [
    pytest.mark.newest_postgres,
    pytest.mark.timeout(3600),
    pytest.mark.usefixtures("haste"),
]

ROOT = Path(__file__).parents[2]
LAMP: Row = {"prompt": "a lamp", "refine": False}  # the model, its original and a thumbnail
FEW = 4  # of the steps, in a short run
STRIDE = 7
LOOK_EVERY = 0.25  # s; six worlds share one process with their servers


@dataclass(frozen=True)
class Scene:
    world: World
    house: House
    cancel: bool

    def given(self, die_at: int) -> Row:
        more = {"supabase": self.house.storage.url, "job": str(self.world.job)}
        return {**self.world.given(die_at), **more, "cancel": self.cancel}


@dataclass(frozen=True)
class Stage:
    """Where each death happens in a world of its own."""

    server: Postgres
    template: str
    folder: Path
    cancel: bool

    @contextmanager
    def scene(self) -> Iterator[Scene]:
        place = (self.server, self.template, self.folder)
        with world(*place, "MESHY", request=LAMP) as here:
            objects = self.folder / f"{here.db.name} objects"
            objects.mkdir()
            with storage_server(here.db, objects) as storage:
                house = House(here.db, here.simulator, storage, self.folder)
                yield Scene(here, house, self.cancel)

    async def count(self) -> int:
        with replace(self, cancel=False).scene() as here:
            return await steps_lived(here, 0)

    async def live(self, die_at: int) -> None:
        with self.scene() as here:
            if not await steps_lived(here, die_at):
                await survive(here)
            judge(here)


@pytest.fixture
def stage(server: Postgres, template: str, tmp_path: Path) -> Stage:
    return Stage(server, template, tmp_path, cancel=False)


async def test_a_worker_killed_at_any_step_of_a_delivery(stage: Stage) -> None:
    """Wherever SIGKILL hits: one set of files, all of them there and whole, one `settle`."""
    await survive_all(stage.live, deaths(await stage.count()))


async def test_a_cancel_and_then_a_kill_at_any_step_of_a_delivery(stage: Stage) -> None:
    """Canceled before it was dead: no row, the credits are back, and after upkeep no object."""
    steps = await stage.count()
    await survive_all(replace(stage, cancel=True).live, deaths(steps))


def deaths(steps: int) -> range:
    assert steps > 50
    return range(1, steps, STRIDE if LONG else steps // FEW)


async def steps_lived(here: Scene, die_at: int) -> int:
    """Of a worker that dies at that step; the number of steps if it lived to the job's end."""
    mortal = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.delivery.mortal", json.dumps(here.given(die_at))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=ROOT,
    )
    dead = asyncio.create_task(mortal.wait())
    over = asyncio.create_task(the_end(here))
    await asyncio.wait({dead, over}, return_when=asyncio.FIRST_COMPLETED)
    if not dead.done():
        mortal.terminate()
    over.cancel()
    said, _ = await mortal.communicate()
    last = said.split()[-1:]
    return int(last[0]) if last and last[0].isdigit() else 0


async def the_end(here: Scene) -> None:
    """Not of a job that is canceled: its worker is about to die."""
    while here.world.row["status"] not in ("SUCCEEDED", "FAILED"):
        await asyncio.sleep(LOOK_EVERY)


async def survive(here: Scene) -> None:
    """As a quarter of an hour later: leases have lapsed, and removals are due."""
    admin = here.world.db.admin
    admin.execute("update meshqueue.workers set seen_at = now() - interval '1 minute'")
    async with here.house.working() as survivor:
        query = (
            "update meshqueue.workers set unbroken_since = now() - interval '1 hour' where id = %s"
        )
        admin.execute(query, survivor.worker)
        await here.world.end()
        await until(lambda: nothing_is_intended(here), "the end of what was intended")
        here.house.hurry_removals()
        await survivor.objects.remove_due()


def nothing_is_intended(here: Scene) -> bool:
    return here.world.db.admin.rows("select from meshqueue.intents") == []


def judge(here: Scene) -> None:
    row, house = here.world.row, here.house
    house.judge_rows()
    files = house.files(row["id"])
    if row["status"] == "CANCELED":
        assert here.cancel
        assert files == []
        assert jobs.account(house.db, here.world.user)[1] == 0
        return
    assert row["status"] == "SUCCEEDED", row["error_code"]
    names = [(file["role"], file["format"]) for file in files]
    assert len(names) == len(set(names))
    assert {("model", "glb"), ("original", "glb"), ("thumbnail", "png")} <= set(names)
    endings = [kind for kind, _, hold in jobs.ledger(house.db, row["id"]) if hold < 0]
    assert endings == ["settle"]
