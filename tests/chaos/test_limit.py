"""A thousand jobs wait for ten slots: never an eleventh task, and nobody is overtaken twice."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import pairwise
from pathlib import Path
from random import Random
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, until, working
from tests.support.database import Database
from tests.support.jobs import rich_user
from worker.simulator import Fault, Rule, Simulator

pytestmark = [pytest.mark.newest_postgres, pytest.mark.timeout(900)]

LONG = os.environ.get("MESHQUEUE_LONG") == "1"
USERS = 20
JOBS = 1_000 if LONG else 120
LIMIT = 10
SPEED = 400.0
CANCEL_EVERY = 0.3  # s
# Nothing is stored: this is about slots.
REQUEST = {"prompt": "a cube", "refine": False, "store_assets": False}
OVER = ("SUCCEEDED", "FAILED", "CANCELED")


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=SPEED) as simulator:
        simulator.meshy.account.queued_tasks = JOBS
        simulator.meshy.account.credits = 1e6
        simulator.script(
            Rule(fault=Fault.CANCEL_REFUSED, provider="meshy", times=None, chance=0.5),
        )
        yield simulator


def crowd(db: Database) -> list[UUID]:
    """All of them wait before the first slot is there."""
    jobs.set_setting(db, "max_in_flight_meshy", "0")
    users = [rich_user(db, 10_000) for _ in range(USERS)]
    made = [jobs.create_by_server(db, users[n % USERS], REQUEST)["id"] for n in range(JOBS)]
    jobs.set_setting(db, "max_in_flight_meshy", str(LIMIT))
    return made


async def cancel_now_and_then(db: Database, made: Sequence[UUID], chance: Random) -> None:
    """Waiting or working, as it comes."""
    query = "update public.ai_jobs set status = 'CANCELED' where id = %s and status <> all (%s)"
    while True:
        await asyncio.sleep(CANCEL_EVERY)
        await asyncio.to_thread(db.admin.execute, query, chance.choice(made), list(OVER))


def all_over(db: Database) -> bool:
    query = "select count(*) from public.ai_jobs where status <> all (%s)"
    return int(db.admin.value(query, list(OVER))) == 0


def turns(db: Database) -> list[UUID]:
    """Whose turn it was, in the order of admission."""
    query = "select user_id from meshqueue.runs where stage = 'PREVIEW' order by id"
    return list(db.admin.values(query))


def overtaken(order: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """Between two turns of one user, everybody who has a later one has had one."""
    last = {user: place for place, user in enumerate(order)}
    found = []
    for user in last:
        mine = [place for place, whose in enumerate(order) if whose == user]
        for before, after in pairwise(mine):
            between = set(order[before:after])
            found += [
                (user, other) for other in last if last[other] > after and other not in between
            ]
    return found


@pytest.mark.parametrize("workers", [1, 4])
async def test_ten_slots_for_a_crowd(
    db: Database, simulator: Simulator, tmp_path: Path, workers: int
) -> None:
    """Over all workers, under cancels that the provider refuses; every job ends, slots are free."""
    made = crowd(db)
    canceling = asyncio.create_task(cancel_now_and_then(db, made, Random(7)))  # noqa: S311 - repeatable on purpose
    async with AsyncExitStack() as stack:
        for _ in range(workers):
            await stack.enter_async_context(working(plan_for(db, simulator, tmp_path)))
        await until(lambda: all_over(db), "the last job's end", within=600)
        canceling.cancel()
        await until(lambda: jobs.slots_taken(db, "meshy") == 0, "ten free slots")
    book = simulator.book("meshy")
    assert book.peak_concurrent <= LIMIT
    assert len(book.tasks) <= JOBS
    assert overtaken(turns(db)) == []
    judge_money(db)


def judge_money(db: Database) -> None:
    wrong = db.admin.rows(
        "select user_id from public.credit_accounts a where reserved <> 0 or balance <> ("
        " select sum(amount) from public.credit_ledger l where l.user_id = a.user_id)"
    )
    assert wrong == []
