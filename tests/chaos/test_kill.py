"""A worker is killed at every step of a job. Another takes over: one paid task a stage, no more."""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database, fresh_database
from tests.support.jobs import Row, rich_user
from tests.support.servers import Postgres
from worker.simulator import Simulator

pytestmark = [pytest.mark.newest_postgres, pytest.mark.timeout(600)]

LONG = os.environ.get("MESHQUEUE_LONG") == "1"
STRIDE = 1 if LONG else 41
AT_ONCE = 6
FAST = 400.0
REQUEST: Row = {"prompt": "a lamp", "refine": True}


@contextmanager
def simulated() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=FAST) as simulator:
        simulator.meshy.account.queued_tasks = 10_000
        yield simulator


class Death:
    """One job, one worker that dies at step `die_at`, and what another one makes of it."""

    def __init__(self, db: Database, simulator: Simulator, folder: Path, die_at: int) -> None:
        self.db = db
        self.simulator = simulator
        self.folder = folder
        self.die_at = die_at
        self.user = rich_user(db, 100)
        prompt = f"a lamp, number {die_at}"
        self.prompt = prompt
        self.job: UUID = jobs.create(db, self.user, {**REQUEST, "prompt": prompt})["id"]

    async def die(self) -> int:
        """Answers with the number of steps if it lived to the job's end."""
        mortal = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.chaos.mortal", json.dumps(self.given())),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=Path(__file__).parents[2],
        )
        over = asyncio.create_task(the_end(self.db, self.job))
        dead = asyncio.create_task(mortal.wait())
        await asyncio.wait({over, dead}, return_when=asyncio.FIRST_COMPLETED)
        if not dead.done():
            mortal.terminate()
        over.cancel()
        said, _ = await mortal.communicate()
        last = said.split()[-1:]
        return int(last[0]) if last and last[0].isdigit() else 0

    def given(self) -> Row:
        return {
            "database": self.db.url(),
            "meshy": self.simulator.meshy.url,
            "key": self.simulator.meshy.key,
            "storage": str(self.folder),
            "die_at": self.die_at,
        }

    async def survive(self) -> None:
        """As half a minute later: the lease has lapsed, and a worker that is long there rescues."""
        self.db.admin.execute("update meshqueue.workers set seen_at = now() - interval '1 minute'")
        self.db.admin.execute(
            "update meshqueue.submissions set intent_at = intent_at - interval '5 minutes'"
            " where outcome = 'intent'"
        )
        async with working(plan_for(self.db, self.simulator, self.folder)) as survivor:
            query = (
                "update meshqueue.workers set unbroken_since = now() - interval '1 hour'"
                " where id = %s"
            )
            self.db.admin.execute(query, survivor.worker)
            await the_end(self.db, self.job)
            await until(lambda: jobs.slots_taken(self.db, "meshy") == 0, "the free slot")

    def judge(self) -> None:
        row = jobs.job(self.db, self.job)
        where = f"killed at step {self.die_at}"
        assert row["status"] == "SUCCEEDED", f"{where}: {row['error_code']}"
        paid = Counter(self.paid_tasks())
        assert set(paid.values()) == {1}, f"{where}: {paid}"
        assert jobs.account(self.db, self.user) == (100 - row["credits_cost"], 0), where

    def paid_tasks(self) -> list[str]:
        """By stage: a refine has no prompt of its own, so it is found by its preview."""
        booked = self.simulator.book("meshy").tasks
        previews = [task for task in booked if task.body.get("prompt") == self.prompt]
        ids = {task.id for task in previews}
        refines = [task for task in booked if task.body.get("preview_task_id") in ids]
        return ["preview"] * len(previews) + ["refine"] * len(refines)


async def test_a_worker_killed_at_any_step_pays_nothing_twice(
    server: Postgres, template: str, tmp_path: Path
) -> None:
    """Wherever SIGKILL hits, the job ends well, each stage was bought once, the ledger balances."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(die_at: int) -> int:
        """In a world of its own: a task of another's could be anybody's lost request."""
        async with gate:
            with fresh_database(server, template) as db, simulated() as simulator:
                return await die_and_survive(Death(db, simulator, tmp_path, die_at))

    steps = await one(0)
    assert steps > 50
    await gather_all(*(one(die_at) for die_at in range(1, steps, STRIDE)))


async def die_and_survive(death: Death) -> int:
    steps = await death.die()
    if not steps:
        await death.survive()
    death.judge()
    return steps


async def gather_all(*all_of_them: Any) -> None:
    """Every one is brought to its end before the first fault is told."""
    results = await asyncio.gather(*all_of_them, return_exceptions=True)
    faults = [result for result in results if isinstance(result, BaseException)]
    if faults:
        raise ExceptionGroup(
            "deaths that were not survived", [f for f in faults if isinstance(f, Exception)]
        )
