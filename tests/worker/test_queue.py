"""The wake-ups that procrastinate carries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from procrastinate import App

from tests.support.daemon import until
from tests.support.database import Database
from tests.support.proxy import proxy_to
from worker import queue
from worker.database import connection
from worker.database.listener import Listener
from worker.ending import end_tasks

QUEUE = "stages_meshy"
FETCHED = """
  select from pg_stat_activity
  where datname = current_database() and state = 'idle' and query like %s
"""


async def nothing(*_: Any) -> None:
    """These tests look at what is fetched, not at what is done."""


@asynccontextmanager
async def opened(
    db: Database, url: str, looked: queue.Looked = lambda: None
) -> AsyncIterator[tuple[App, asyncio.Event]]:
    """The app as a worker opens it, and what is set when a wake-up is announced.

    Only what it asks goes through `url`: it hears in any case.
    """
    listener = Listener(db.url(), queue.channels_of([QUEUE]))
    wakes = queue.Wakes(nothing, nothing, nothing, nothing, nothing)
    announced = asyncio.Event()

    async def note(**_: Any) -> None:
        announced.set()

    async with connection.new_pool(url) as pool:
        app = queue.new_app(listener, wakes, looked)
        async with app.open_async(pool):
            hearing = app.job_manager.listen_for_jobs(on_notification=note, queues=[QUEUE])
            tasks = [asyncio.create_task(listener.run()), asyncio.create_task(hearing)]
            try:
                await listener.listening.wait()
                yield app, announced
            finally:
                await end_tasks(tasks)


def wake(db: Database) -> None:
    db.admin.execute("select meshqueue.wake_stage(%s, 'MESHY', 'PREVIEW')", UUID(int=1))


async def test_what_is_announced_while_it_looks_for_work_is_found(db: Database) -> None:
    """Nothing was there when it looked, then something is announced before it hears so."""
    onlooker = db.superuser()
    async with proxy_to(db.url()) as proxy, opened(db, proxy.url) as (app, announced):
        worker = await app.job_manager.register_worker()
        proxy.hold_answers()
        looking = asyncio.create_task(app.job_manager.fetch_job([QUEUE], worker))
        await until(lambda: bool(onlooker.rows(FETCHED, "%fetch_job%")), "the first look")
        announced.clear()  # that LISTEN began is an announcement too
        wake(db)
        await announced.wait()
        proxy.let_answers_pass()
        found = await looking
        assert found
        assert found.task_name == "run_stage"


async def test_nothing_is_found_where_nothing_is(db: Database) -> None:
    """Without an announcement it looks once, and that it looked is a sign of life."""
    looks: list[None] = []
    async with opened(db, db.url(), lambda: looks.append(None)) as (app, _):
        worker = await app.job_manager.register_worker()
        assert await app.job_manager.fetch_job([QUEUE], worker) is None
    assert len(looks) == 1


async def test_a_connection_that_is_open_and_dead_is_given_up(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls of procrastinate know no time-out."""
    monkeypatch.setattr(queue, "ANSWER_TIMEOUT", 0.2)
    async with proxy_to(db.url()) as proxy, opened(db, proxy.url) as (app, _):
        worker = await app.job_manager.register_worker()
        proxy.blackhole("meshqueue worker")
        with pytest.raises(TimeoutError):
            await app.job_manager.fetch_job([QUEUE], worker)


@pytest.mark.newest_postgres
async def test_workers_that_have_just_begun_end_when_asked(db: Database) -> None:
    """Once is enough, also while they wait for a connection: asked twice they give up work."""
    async with opened(db, db.url()) as (app, _):
        for steps in range(60):
            options = queue.worker_options([QUEUE], 1, grace=30)
            tasks = [asyncio.create_task(app.run_worker_async(**options)) for _ in range(6)]
            for _ in range(steps):
                await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=20)
            assert all(task.cancelled() for task in tasks)
