"""A worker in the test's own process, against the simulated providers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import Row
from worker.daemon.daemon import Daemon, Plan
from worker.pipeline.held import Served
from worker.providers import open_provider
from worker.providers.patience import Patience
from worker.simulator import Simulator
from worker.storage.folder import FolderStorage

# As named as in production, only shorter: a fault must show within a test's time.
PATIENCE = Patience(paid_answer=2, answer=2, poll_first=0.3, poll_most=0.5, batch=0.2)
LOOK_EVERY = 0.02
GIVE_UP = 150.0  # s


def plan_for(db: Database, simulator: Simulator, folder: Path, **changes: Any) -> Plan:
    plan = Plan(
        database_url=db.url(),
        served=serve(simulator),
        storage=FolderStorage(folder),
        plain_http_hosts=frozenset({urlsplit(simulator.meshy.url).netloc}),
        deliveries_at_once=2,
        serve_http=False,
        grace=5,
    )
    return replace(plan, **changes)


def serve(simulator: Simulator) -> dict[str, Served]:
    accounts = {
        "MESHY": (simulator.meshy, "meshy-6"),
        "TRIPO": (simulator.tripo, "v3.1-20260211"),
    }
    return {
        name: Served(
            open_provider(name, account.key, address=account.url, patience=PATIENCE, model=model),
            f"{name} key",
        )
        for name, (account, model) in accounts.items()
    }


def unprepared(daemon: Daemon) -> None:
    """As it comes."""


@asynccontextmanager
async def working(
    plan: Plan, prepare: Callable[[Daemon], None] = unprepared
) -> AsyncIterator[Daemon]:
    """Stops as after SIGTERM when the block ends."""
    daemon = Daemon(plan)
    prepare(daemon)
    task = asyncio.create_task(daemon.run())
    ready = asyncio.create_task(daemon.ready.wait())
    await asyncio.wait({ready, task}, return_when=asyncio.FIRST_COMPLETED)
    try:
        yield daemon
    finally:
        daemon.stop()
        assert await task == 0


async def until(look: Callable[[], Any], what: str = "it", within: float = GIVE_UP) -> Any:
    """What `look` says as soon as it says something; a database has no event for everything."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + within
    while not (found := look()):
        assert loop.time() < give_up, f"{what} never came"
        await asyncio.sleep(LOOK_EVERY)
    return found


async def the_end(db: Database, job_id: UUID) -> Row:
    def over() -> Row | None:
        row = jobs.job(db, job_id)
        return row if row["status"] in ("SUCCEEDED", "FAILED", "CANCELED") else None

    row: Row = await until(over, "the job's end")
    return row
