"""One place, two processes: who does the work of a job that is made here."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, rich_user
from worker.local import place
from worker.local.user import connected, served, works_on
from worker.simulator import Simulator

pytestmark = pytest.mark.newest_postgres

FAST = 200.0


async def test_a_worker_that_lives_is_left_the_work_and_followed_when_it_ends(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two simulators know nothing of each other's tasks: a job's stages all go to one of them."""
    monkeypatch.setattr(place, "LOOK_EVERY", 0.05)
    user = rich_user(db)
    with ExitStack() as stack:
        theirs, ours = (stack.enter_context(Simulator(seed=n, speed=FAST)) for n in (1, 2))
        operator = stack.enter_context(connected(db.url()))
        is_served = partial(served, operator, "MESHY")
        assert not is_served()
        async with working(plan_for(db, theirs, tmp_path)):
            assert is_served()
            beside = place.worker_where_none_is(plan_for(db, ours, tmp_path), is_served)
            await beside.__aenter__()
            first = jobs.create(db, user, PREVIEW_ONLY)["id"]
            assert (await the_end(db, first))["status"] == "SUCCEEDED"
            assert not ours.book("meshy").tasks
        await until(is_served, "our own worker")
        second = jobs.create(db, user, PREVIEW_ONLY)["id"]
        assert (await the_end(db, second))["status"] == "SUCCEEDED"
        assert len(ours.book("meshy").tasks) == 1
        await beside.__aexit__(None, None, None)


async def test_a_simulator_stays_as_long_as_the_job_of_another_needs_it(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it knew of the job's tasks would be gone with it."""
    monkeypatch.setattr(place, "LOOK_EVERY", 0.05)
    user = rich_user(db)
    with Simulator(seed=1, speed=FAST) as simulator, connected(db.url()) as operator:
        works = partial(works_on, operator, "MESHY")
        assert not works()
        async with working(plan_for(db, simulator, tmp_path)):
            job = jobs.create(db, user, PREVIEW_ONLY)["id"]
            await until(works, "that it has begun")
            await place.stay_while(works)
            assert (await the_end(db, job))["status"] == "SUCCEEDED"
        assert not works()
