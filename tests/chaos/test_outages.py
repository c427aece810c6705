"""Postgres goes away and comes back. What then happens quickly can only have come by NOTIFY."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.chaos.haste import shorten
from tests.chaos.world import simulated
from tests.chaos.worlds import LONG
from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import PREVIEW_ONLY, rich_user
from tests.support.proxy import Proxy, proxy_to
from worker import queue
from worker.daemon.daemon import Daemon
from worker.simulator import Simulator

pytestmark = [
    pytest.mark.newest_postgres,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("haste"),
]

NEVER = 3_600.0  # s: nobody polls in these tests
OUTAGE = 90.0 if LONG else 6.0  # s; longer than a lease either way
RECOVERED_WITHIN = 60.0  # s
WATCHED = 3


@pytest.fixture(autouse=True)
def no_polling(haste: None, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001 - comes first
    monkeypatch.setattr(queue, "POLL_EVERY", NEVER)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """In real time: a task ends when the test says so, long before it would by itself."""
    with simulated(speed=1) as simulator:
        yield simulator


@dataclass
class Scene:
    db: Database
    simulator: Simulator
    proxy: Proxy
    workers: list[Daemon]
    user: UUID
    returned: list[Daemon] = field(default_factory=list)

    def all_returned(self) -> bool:
        """Each has LISTEN anew, since the network failed."""
        return all(worker in self.returned for worker in self.workers)

    def create(self) -> UUID:
        job: UUID = jobs.create_by_server(self.db, self.user, PREVIEW_ONLY)["id"]
        return job

    def settle_all(self) -> None:
        for task in self.simulator.book("meshy").tasks:
            if task.finished_at is None:
                self.simulator.settle(task.id, "succeeded")

    async def until_watched(self, number: int) -> None:
        await until(lambda: sum(map(watched, self.workers)) == number, "the watched tasks")

    async def until_listening(self) -> None:
        for worker in self.workers:
            await worker.listener.listening.wait()

    async def wake_all_queues(self) -> UUID:
        """A new job's task, then its delivery: without polling, each is begun by NOTIFY alone."""
        job, before = self.create(), len(self.simulator.book("meshy").tasks)
        await until(lambda: len(self.simulator.book("meshy").tasks) > before, "the task")
        self.simulator.settle(self.simulator.book("meshy").tasks[-1].id, "succeeded")
        await until(lambda: self.delivery_has_begun(job), "the delivery")
        return job

    def delivery_has_begun(self, job: UUID) -> bool:
        query = (
            "select 1 from meshqueue.runs where job_id = %s and stage = 'DELIVER' and attempt > 0"
        )
        return bool(self.db.admin.rows(query, job))

    def holders(self) -> int:
        query = "select count(distinct worker) as n from meshqueue.hands group by run"
        return max(self.db.admin.values(query), default=0)


def watched(worker: Daemon) -> int:
    return sum(
        held.task_id is not None
        for held, _ in worker.stages._held.values()  # noqa: SLF001 - what no outsider needs to know
    )


@asynccontextmanager
async def scene(
    db: Database, simulator: Simulator, folder: Path, workers: int
) -> AsyncIterator[Scene]:
    shorten(db)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(proxy_to(db.url()))
        plan: dict[str, Any] = {"database_url": proxy.url}
        started = [
            await stack.enter_async_context(working(plan_for(db, simulator, folder, **plan)))
            for _ in range(workers)
        ]
        here = Scene(db, simulator, proxy, started, rich_user(db))
        await here.until_listening()
        for worker in started:
            worker.listener.on_return(partial(here.returned.append, worker))
        yield here


@pytest.mark.parametrize("workers", [1, 2])
async def test_an_outage(db: Database, simulator: Simulator, tmp_path: Path, workers: int) -> None:
    """Longer than a lease: nobody exits, no watched run changes hands, LISTEN is soon back."""
    async with scene(db, simulator, tmp_path, workers) as here:
        made = [here.create() for _ in range(WATCHED)]
        await here.until_watched(WATCHED)
        here.proxy.go_down()
        await asyncio.sleep(OUTAGE)
        here.proxy.come_back()
        async with asyncio.timeout(RECOVERED_WITHIN):
            await until(here.all_returned, "LISTEN")
            made.append(await here.wake_all_queues())
        here.settle_all()
        for job in made:
            assert (await the_end(db, job))["status"] == "SUCCEEDED"
        assert here.holders() == 1


async def test_a_network_that_cuts_all_connections(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """New ones are made at once, and work goes on."""
    async with scene(db, simulator, tmp_path, 2) as here:
        made = [here.create() for _ in range(WATCHED)]
        await here.until_watched(WATCHED)
        here.proxy.cut()
        async with asyncio.timeout(RECOVERED_WITHIN):
            await until(here.all_returned, "LISTEN")
            made.append(await here.wake_all_queues())
        here.settle_all()
        for job in made:
            assert (await the_end(db, job))["status"] == "SUCCEEDED"
        assert here.holders() == 1


async def test_a_listen_connection_that_is_open_and_dead(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """Only NOTIFY is swallowed, everything else works: noticed, and heard again on a new one."""
    async with scene(db, simulator, tmp_path, 2) as here:
        here.proxy.blackhole("meshqueue listener")
        async with asyncio.timeout(RECOVERED_WITHIN):
            await until(here.all_returned, "LISTEN")
            job = await here.wake_all_queues()
        assert (await the_end(db, job))["status"] == "SUCCEEDED"
