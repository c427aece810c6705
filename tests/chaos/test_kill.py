"""A worker is killed at every step of a job. Another takes over: one paid task a stage, no more."""

import asyncio
import json
import sys
from pathlib import Path
from typing import get_args

import pytest

from tests.chaos.world import Name, World, world
from tests.chaos.worlds import LONG, survive_all
from tests.support.daemon import the_end
from tests.support.servers import Postgres

pytestmark = [
    pytest.mark.newest_postgres,
    pytest.mark.timeout(3600 if LONG else 300),
    pytest.mark.usefixtures("haste"),
]

STRIDE = 1 if LONG else 97


@pytest.mark.parametrize("name", get_args(Name))
async def test_a_worker_killed_at_any_step_pays_nothing_twice(
    server: Postgres, template: str, tmp_path: Path, name: Name
) -> None:
    """Wherever SIGKILL hits, the job ends well, each task was bought once, the ledger balances."""

    async def live(die_at: int) -> None:
        """In a world of its own: a task of another's could be anybody's lost request."""
        with world(server, template, tmp_path, name) as here:
            if not await steps_lived(here, die_at):
                await survive(here)
            here.judge()
            assert here.row["status"] == "SUCCEEDED", here.row["error_code"]

    with world(server, template, tmp_path, name) as here:
        steps = await steps_lived(here, 0)
    assert steps > 50
    await survive_all(live, range(1, steps, STRIDE))


async def steps_lived(here: World, die_at: int) -> int:
    """Of a worker that dies at that step; the number of steps if it lived to the job's end."""
    mortal = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.mortal", json.dumps(here.given(die_at))),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
    )
    over = asyncio.create_task(the_end(here.db, here.job))
    dead = asyncio.create_task(mortal.wait())
    await asyncio.wait({over, dead}, return_when=asyncio.FIRST_COMPLETED)
    if not dead.done():
        mortal.terminate()
    over.cancel()
    said, _ = await mortal.communicate()
    last = said.split()[-1:]
    return int(last[0]) if last and last[0].isdigit() else 0


async def survive(here: World) -> None:
    """As half a minute later: the lease has lapsed, and a worker that is long there rescues."""
    here.db.admin.execute("update meshqueue.workers set seen_at = now() - interval '1 minute'")
    async with here.worker() as survivor:
        query = (
            "update meshqueue.workers set unbroken_since = now() - interval '1 hour' where id = %s"
        )
        here.db.admin.execute(query, survivor.worker)
        await here.end()
