"""What a worker holds, where a decision of its own comes too late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest

from tests.support import jobs
from tests.support.daemon import until
from tests.support.database import Database
from tests.support.engine import MESHY_KEY
from tests.support.jobs import PREVIEW_ONLY, new_worker, rich_user
from tests.support.proxy import proxy_to
from worker.database.connection import new_pool
from worker.database.engine import Engine
from worker.database.records import NotBegun, Run
from worker.pipeline import hands as module
from worker.pipeline.hands import Conduct, Hands
from worker.pipeline.held import Held
from worker.pipeline.posts import Posts
from worker.pipeline.progress import Progress

SERVES = {"MESHY": MESHY_KEY}


@asynccontextmanager
async def hands_of(
    db: Database, conduct: Conduct, url: str = ""
) -> AsyncIterator[tuple[Hands, Engine]]:
    async with new_pool(url or db.url()) as pool:
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


async def test_a_run_that_is_ours_again_before_its_decision_is_answered(db: Database) -> None:
    """The wake-up for what is left of it was quicker: that is not taken for done."""
    job, _ = buy(db)

    async def give_up(held: Held) -> str:
        outcome = await engine.fail(held.run, "timeout", "Too late.", {}, task_ended=False)
        assert await hands.begin(job, "PREVIEW") is working
        return outcome

    async with hands_of(db, give_up) as (hands, engine):
        working = await hands.begin(job, "PREVIEW")
        assert working
        await working
    run = jobs.run_of(db, job, "PREVIEW")
    assert (run["state"], run["worker_id"]) == ("draining", None)


async def test_a_run_that_is_ours_again_before_its_canceled_task_has_cleared_up(
    db: Database,
) -> None:
    """The answer to `wait` was lost, its time came, and the wake-up found the task that ends."""
    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"]
    waiting, cleared_up = asyncio.Event(), asyncio.Event()

    async def wait_unheard(held: Held) -> str:
        await engine.wait(held.run, "rate_limited", 3600)
        waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            await cleared_up.wait()
        return "never"

    async with hands_of(db, wait_unheard) as (hands, engine):
        working = await hands.begin(job, "PREVIEW")
        assert working
        await waiting.wait()
        await hands.recheck([jobs.run_of(db, job, "PREVIEW")["id"]])
        db.admin.execute("update meshqueue.runs set wake_at = now()")
        assert await hands.begin(job, "PREVIEW") is working
        cleared_up.set()
        with pytest.raises(asyncio.CancelledError):
            await working
        await hands.give_back()
    run = jobs.run_of(db, job, "PREVIEW")
    assert (run["state"], run["worker_id"]) == ("ready", None)


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


async def test_a_run_that_became_ours_unheard(db: Database) -> None:
    """Whoever asked was canceled before the answer came: it does not stay ours."""
    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"]
    async with (
        proxy_to(db.url()) as proxy,
        hands_of(db, unexpected, proxy.url) as (hands, engine),
    ):
        proxy.hold_answers()
        beginning = asyncio.create_task(hands.begin(job, "PREVIEW"))
        await until(lambda: jobs.run_of(db, job, "PREVIEW")["worker_id"], "the run")
        beginning.cancel()
        proxy.let_answers_pass()
        await asyncio.wait({beginning})
        assert beginning.cancelled()
        assert jobs.run_of(db, job, "PREVIEW")["worker_id"] == engine.worker
        await hands.settle_doubts()
    run = jobs.run_of(db, job, "PREVIEW")
    assert (run["state"], run["worker_id"]) == ("ready", None)


async def unexpected(held: Held) -> str:
    raise AssertionError(f"run {held.run.id} was worked on")


async def test_a_run_that_became_ours_unheard_in_an_outage(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer was lost with the lease: who asks again after the first heartbeat gets it."""
    monkeypatch.setattr(module, "HEARTBEAT_COMES_WITHIN", 0.05)

    async def give_up(held: Held) -> str:
        return await engine.fail(held.run, "timeout", "Too late.", {}, task_ended=True)

    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"]
    async with hands_of(db, give_up) as (hands, engine):
        await engine.begin(job, "PREVIEW")
        db.admin.execute("update meshqueue.workers set seen_at = now() - interval '1 minute'")
        answered = note_answers(engine, monkeypatch)
        beginning = asyncio.create_task(hands.begin(job, "PREVIEW"))
        await answered.wait()
        await engine.heartbeat(SERVES, {})
        working = await beginning
        assert working
        await working
    assert jobs.job(db, job)["status"] == "FAILED"


def note_answers(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> asyncio.Event:
    """To its questions for a run."""
    answered, begin = asyncio.Event(), engine.begin

    async def noted(job_id: UUID, stage: str, *, again: bool = False) -> Run | NotBegun:
        answer = await begin(job_id, stage, again=again)
        answered.set()
        return answer

    monkeypatch.setattr(engine, "begin", noted)
    return answered
