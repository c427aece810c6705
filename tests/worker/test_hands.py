"""What a worker holds, where a decision of its own comes too late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, new_worker, rich_user
from worker.database.connection import new_pool
from worker.database.engine import Engine
from worker.pipeline import hands as module
from worker.pipeline.hands import Conduct, Hands
from worker.pipeline.held import Held
from worker.pipeline.posts import Posts
from worker.pipeline.progress import Progress

SERVES = {"MESHY": "a key"}


@asynccontextmanager
async def hands_of(db: Database, conduct: Conduct) -> AsyncIterator[tuple[Hands, Engine]]:
    async with new_pool(db.url()) as pool:
        engine = Engine(pool, uuid4())
        await engine.heartbeat(SERVES, {})
        yield Hands(engine, conduct, Progress(engine), Posts()), engine


async def test_a_decision_that_our_own_second_look_overtook_gives_the_run_back(
    db: Database,
) -> None:
    """The fence refuses it though nobody else has the run: it must not stay with us."""
    decided = asyncio.Event()

    async def decide_late(held: Held) -> str:
        run = held.run
        await decided.wait()
        return await engine.finish(run, {}, None)

    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"]
    async with hands_of(db, decide_late) as (hands, engine):
        working = await hands.begin(job, "PREVIEW")
        assert working
        await hands.recheck([jobs.run_of(db, job, "PREVIEW")["id"]])
        decided.set()
        await working
        run = jobs.run_of(db, job, "PREVIEW")
        assert (run["state"], run["worker_id"], run["attempt"]) == ("ready", None, 2)


async def test_the_task_of_a_user_who_left_is_seen_to_its_end(db: Database) -> None:
    """Their job's row is gone; the slot is free once the task has ended."""

    async def see_end(held: Held) -> str:
        assert held.draining
        return await engine.end_draining(held.run, "succeeded", 5)

    job, user = buy(db)
    db.admin.execute("delete from auth.users where id = %s", user)
    async with hands_of(db, see_end) as (hands, engine):
        working = await hands.begin(job, "PREVIEW")
        assert working
        await working
    assert jobs.run_of(db, job, "PREVIEW")["state"] == "canceled"
    assert jobs.slots_taken(db, "meshy") == 0


def buy(db: Database) -> tuple[UUID, UUID]:
    """A job whose paid task nobody watches at the moment, and its user."""
    user, worker = rich_user(db), new_worker(db)
    job: UUID = jobs.create(db, user, PREVIEW_ONLY)["id"]
    run = worker.begin(job, "PREVIEW")
    worker.submit(run)
    worker.release(run)
    return job, user


async def test_what_a_fault_ended_is_begun_again(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected error in a step is told, and the run goes back to whoever takes it next."""
    monkeypatch.setattr(module, "AFTER_A_FAULT", 0.0)

    async def stumble(held: Held) -> str:
        raise RuntimeError(str(held.run.id))

    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"]
    async with hands_of(db, stumble) as (hands, _):
        working = await hands.begin(job, "PREVIEW")
        assert working
        await working
        assert jobs.run_of(db, job, "PREVIEW")["state"] == "ready"
