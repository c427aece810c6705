"""Postgres in a folder, the providers or their simulator, and a worker beside whatever is done."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial

from worker.daemon.daemon import Daemon, Plan
from worker.daemon.start import Supply, local_storage, plan_of, supply
from worker.daemon.supervision import run_calmly
from worker.embedded import running
from worker.embedded.server import SUPERUSER, Server
from worker.ending import end_tasks
from worker.schema.migrate import migrate
from worker.settings import Settings
from worker.storage.folder import FolderStorage

# A stage that takes a provider a minute takes the simulator less than a second.
SPEED = 100.0
LOOK_EVERY = 1.0  # s
OTHERS_TAKE = 60.0  # s at most, as one stage of a provider does


@dataclass(frozen=True, slots=True)
class Place:
    server: Server
    supplied: Supply
    storage: FolderStorage
    plan: Plan


@contextmanager
def local_place(settings: Settings, *, speed: float = SPEED) -> Iterator[Place]:
    with (
        running(settings.local_postgres) as server,
        supply(settings, simulate_missing=True, speed=speed) as supplied,
    ):
        migrate(server.url(SUPERUSER))
        storage = local_storage(settings, served=False)
        plan = replace(
            plan_of(settings, server.url(), supplied, storage), serve_http=False, grace=5
        )
        yield Place(server, supplied, storage, plan)


@asynccontextmanager
async def worker_beside(plan: Plan) -> AsyncIterator[Daemon]:
    daemon = Daemon(plan)
    task = asyncio.create_task(daemon.run())
    try:
        await ready(daemon, task)
        yield daemon
    finally:
        daemon.stop()
        await task


@asynccontextmanager
async def worker_where_none_is(plan: Plan, served: Callable[[], bool]) -> AsyncIterator[None]:
    """Where one lives it does the work: its simulator knows nothing of tasks of ours.

    Should it end before the block does, ours takes over.
    """
    if not served():
        async with worker_beside(plan):
            yield
        return
    work = partial(work_once_it_is_gone, plan, served)
    taking_over = asyncio.create_task(run_calmly("worker", work))
    try:
        yield
    finally:
        await end_tasks([taking_over])


async def stay_while(needed: Callable[[], bool]) -> None:
    """What others have under way in a simulator ends with it."""
    with suppress(TimeoutError):
        async with asyncio.timeout(OTHERS_TAKE):
            while await asyncio.to_thread(needed):  # noqa: ASYNC110 - no event tells of it here
                await asyncio.sleep(LOOK_EVERY)


async def work_once_it_is_gone(plan: Plan, served: Callable[[], bool]) -> None:
    while await asyncio.to_thread(served):  # noqa: ASYNC110 - no event tells of a lease that lapses
        await asyncio.sleep(LOOK_EVERY)
    async with worker_beside(plan):
        await asyncio.Event().wait()


async def ready(daemon: Daemon, task: "asyncio.Task[int]") -> None:
    """A worker that can't start says why."""
    waiting = asyncio.create_task(daemon.ready.wait())
    await asyncio.wait({waiting, task}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if task.done():
        task.result()
