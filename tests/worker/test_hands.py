"""What a worker holds, where a decision of its own comes too late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, rich_user
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
