"""A worker is killed at every step of a job. Another takes over: one paid task a stage, no more."""

from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from tests.chaos import mortal
from tests.chaos.mortals import steps_lived
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
            if not await lived(here, die_at):
                await survive(here)
            here.judge()
            assert here.row["status"] == "SUCCEEDED", here.row["error_code"]

    with world(server, template, tmp_path, name) as here:
        steps = await lived(here, 0)
    assert steps > 50
    await survive_all(live, range(1, steps, STRIDE))


async def lived(here: World, die_at: int) -> int:
    return await steps_lived(mortal.live, here.given(die_at), partial(the_end, here.db, here.job))


async def survive(here: World) -> None:
    """As half a minute later: the lease has lapsed, and a worker that is long there rescues."""
    here.db.admin.execute("update meshqueue.workers set seen_at = now() - interval '1 minute'")
    async with here.worker() as survivor:
        query = (
            "update meshqueue.workers set unbroken_since = now() - interval '1 hour' where id = %s"
        )
        here.db.admin.execute(query, survivor.worker)
        await here.end()
