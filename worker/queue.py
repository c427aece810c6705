"""The procrastinate app. It carries wake-ups only: the names here are those that the SQL enqueues.

No lock, no retry, no rescue: a task never raises, and what it should have woken is woken again by
the upkeep. LISTEN is ours (`database.listener`), one connection for all of procrastinate's workers,
because its own listener does not come back after a restart of Postgres.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, LiteralString
from uuid import UUID

import structlog
from procrastinate import App, PsycopgConnector
from procrastinate.connector import Notify
from procrastinate.jobs import Job
from procrastinate.manager import JobManager

from worker.database.connection import ANSWER_TIMEOUT
from worker.database.listener import Listener
from worker.ending import is_asked_to_end

POLL_EVERY = 5.0  # s; the net beneath the notifications
# procrastinate's worker fetches one wake-up after the other: one alone gets 31 a second.
FETCHERS = 3
STAGES_AT_ONCE = 10  # of each: a wake-up is over as soon as its run is begun
UPKEEP_AT_ONCE = 2
SOMETHING_NEW = '{"type": "job_inserted", "job_id": 0}'

log = structlog.get_logger()

Wake = Callable[[UUID, str], Awaitable[None]]
Looked = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Wakes:
    """What the queue's tasks call."""

    run_stage: Wake
    deliver: Callable[[UUID], Awaitable[None]]
    admit: Callable[[str], Awaitable[None]]
    publish: Callable[[UUID], Awaitable[None]]
    remove_objects: Callable[[], Awaitable[None]]


class SharedListenConnector(PsycopgConnector):
    def __init__(self, listener: Listener) -> None:
        super().__init__()
        self._listener = listener
        self.told = 0
        """How often something new was announced."""

    async def execute_query_one_async(self, query: LiteralString, **values: Any) -> dict[str, Any]:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            row: dict[str, Any] = await super().execute_query_one_async(query, **values)
        return row

    async def execute_query_async(self, query: LiteralString, **values: Any) -> None:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            await super().execute_query_async(query, **values)

    async def execute_query_all_async(
        self, query: LiteralString, **values: Any
    ) -> list[dict[str, Any]]:
        async with asyncio.timeout(ANSWER_TIMEOUT):
            rows: list[dict[str, Any]] = await super().execute_query_all_async(query, **values)
        return rows

    async def listen_notify(self, on_notification: Notify, channels: Iterable[str]) -> None:
        async def heard(channel: str, payload: str) -> None:
            self.told += 1
            await on_notification(channel=channel, payload=payload)

        with ExitStack() as stack:
            for channel in channels:
                stack.callback(self._listener.hear(channel, heard))
            returned = asyncio.Event()
            stack.callback(self._listener.on_return(returned.set))
            while True:  # what was announced while LISTEN was away
                await returned.wait()
                returned.clear()
                await heard("", SOMETHING_NEW)


class AttentiveManager(JobManager):
    """procrastinate forgets what is announced while it looks for work: so that is looked for here.

    Without it, such a wake-up waits for the next announcement or poll: up to 5 s.
    """

    def __init__(self, connector: SharedListenConnector, looked: Looked) -> None:
        super().__init__(connector)
        self._announcements = connector
        self._looked = looked

    async def fetch_job(self, queues: Iterable[str] | None, worker_id: int) -> Job | None:
        while True:
            told = self._announcements.told
            job = await super().fetch_job(queues, worker_id)
            self._looked()
            if job or told == self._announcements.told:
                return job

    async def register_worker(self) -> int:
        """Before Python 3.12 the pool may swallow a cancellation; a second one would cost jobs."""
        worker = await super().register_worker()
        if is_asked_to_end():
            raise asyncio.CancelledError
        return worker


def new_app(listener: Listener, wakes: Wakes, looked: Looked) -> App:
    connector = SharedListenConnector(listener)
    app = App(connector=connector)
    app.job_manager = AttentiveManager(connector, looked)

    @app.task(name="run_stage")
    async def run_stage(job_id: str, stage: str) -> None:
        await calmly("run_stage", wakes.run_stage(UUID(job_id), stage))

    @app.task(name="deliver")
    async def deliver(job_id: str, stage: str) -> None:
        del stage
        await calmly("deliver", wakes.deliver(UUID(job_id)))

    @app.task(name="admit")
    async def admit(pool: str) -> None:
        await calmly("admit", wakes.admit(pool))

    @app.task(name="publish_asset")
    async def publish_asset(asset_id: str) -> None:
        await calmly("publish_asset", wakes.publish(UUID(asset_id)))

    @app.task(name="remove_objects")
    async def remove_objects() -> None:
        await calmly("remove_objects", wakes.remove_objects())

    return app


async def calmly(task: str, call: Awaitable[None]) -> None:
    try:
        await call
    except Exception:
        log.exception("wake_failed", action="wake_failed", task=task)


def channels_of(queues: Iterable[str]) -> list[str]:
    """On which procrastinate 3 announces new jobs."""
    return [f"procrastinate_queue_v1#{queue}" for queue in queues]


def stage_queues(serves: Mapping[str, str]) -> list[str]:
    return queues_of("stages", serves)


def delivery_queues(serves: Mapping[str, str]) -> list[str]:
    return queues_of("deliveries", serves)


def queues_of(kind: str, serves: Mapping[str, str]) -> list[str]:
    """A provider's, and that of our key: what it bought may be seen with it alone."""
    names = [f"{kind}_{provider.lower()}" for provider in serves]
    return [*names, *(f"{kind}_{name.lower()}_{key}" for name, key in serves.items())]


def worker_options(queues: list[str], concurrency: int, grace: float) -> dict[str, Any]:
    return {
        "queues": queues,
        "concurrency": concurrency,
        "fetch_job_polling_interval": POLL_EVERY,
        "abort_job_polling_interval": 3600.0,
        "shutdown_graceful_timeout": grace,
        "delete_jobs": "always",
        "install_signal_handlers": False,
        "listen_notify": True,
    }
