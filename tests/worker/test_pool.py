"""The few connections that a worker has: none is ever lost."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from uuid import uuid4

import psycopg
import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import MESHY_KEY
from tests.support.jobs import rich_user
from tests.support.proxy import proxy_to
from worker.daemon.reach import answers, is_away
from worker.database import connection
from worker.database.connection import POOLED, Pool, new_pool
from worker.database.engine import Engine
from worker.database.records import Run

pytestmark = pytest.mark.newest_postgres

STEPS_TO_ITS_LOCK = 20


async def test_whoever_is_canceled_gives_his_connection_back(db: Database) -> None:
    """Also while he is at it, and the pool is just busy: else the worker would stand still."""
    async with new_pool(db.url()) as pool:
        for _ in range(POOLED):
            await cancel_a_return(pool)
        async with AsyncExitStack() as stack:
            for _ in range(POOLED):
                borrowed = await stack.enter_async_context(pool.connection(timeout=10))
                await borrowed.execute("select")


async def cancel_a_return(pool: Pool) -> None:
    borrowed, enough = asyncio.Event(), asyncio.Event()

    async def borrow() -> None:
        async with pool.connection():
            borrowed.set()
            await enough.wait()

    borrower = asyncio.create_task(borrow())
    await borrowed.wait()
    async with pool._lock:  # noqa: SLF001 - as while it hands another one to somebody who waits
        enough.set()
        for _ in range(STEPS_TO_ITS_LOCK):
            await asyncio.sleep(0)
        borrower.cancel()
        await asyncio.wait({borrower})
    assert borrower.cancelled()


async def test_a_refusal_is_an_answer_too(db: Database) -> None:
    """A database that is read only, locked or half migrated is not silent."""
    async with new_pool(db.url()) as pool:
        engine = Engine(pool, uuid4())
        assert engine.silent_for() == float("inf")
        db.admin.execute("drop function meshqueue.expire_jobs cascade")
        with pytest.raises(psycopg.errors.UndefinedFunction):
            await engine.expire()
        assert engine.silent_for() < float("inf")


@contextmanager
def read_only(db: Database) -> Iterator[None]:
    """As a host makes a database whose disk is full, until it has room."""
    switch = f"alter database {db.name} set default_transaction_read_only = "
    workers = """
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and application_name like 'meshqueue %%'
    """
    admin = db.superuser()
    admin.execute(switch + "on")
    admin.execute(workers)
    yield
    admin.execute(switch + "off")
    admin.execute(workers)


async def test_the_id_of_a_paid_task_outlasts_a_database_that_is_read_only(db: Database) -> None:
    """The provider took the money: nobody else knows what it was for."""
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)["id"]
    async with new_pool(db.url()) as pool:
        engine = Engine(pool, uuid4())
        await engine.heartbeat({"MESHY": MESHY_KEY}, {})
        run = await engine.begin(job, "PREVIEW")
        assert isinstance(run, Run)
        await engine.record_submitting(run, "digest", {}, None)
        with read_only(db):
            recording = asyncio.create_task(engine.record_submitted(run, 1, "task", None))
            await asyncio.sleep(1)
            assert not recording.done()
        await recording
    assert db.admin.values("select task_id from meshqueue.submissions") == ["task"]


def test_whether_a_database_answers(db: Database) -> None:
    """One that is there, and one where nobody is."""
    assert answers(db.url())
    with read_only(db):
        assert not answers(db.url())
    assert answers(db.url())
    assert not answers("postgresql://127.0.0.1:1/nobody")


@pytest.mark.parametrize(
    ("said", "away"),
    [
        ("connection to server at 127.0.0.1 failed: Connection refused", True),
        ("connection timeout expired", True),
        ("FATAL:  the database system is starting up", True),
        ("FATAL:  sorry, too many clients already", True),
        ("server closed the connection unexpectedly", True),
        ("failed to resolve host: [Errno -3] Temporary failure in name resolution", True),
        ("failed to resolve host: [Errno -2] Name or service not known", False),
        ('FATAL:  password authentication failed for user "postgres"', False),
        ("FATAL:  Tenant or user not found", False),
    ],
)
def test_what_waiting_mends(said: str, *, away: bool) -> None:
    """A wrong setting is no outage: whoever set it up is told at once."""
    assert is_away("postgresql://postgres@127.0.0.1/postgres", said) is away


async def test_a_server_that_falls_mute_is_not_waited_for(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It let us in, and then says nothing: the pool may try another connection."""
    monkeypatch.setattr(connection, "CONNECT_TIMEOUT", 0.2)
    async with (
        proxy_to(db.url()) as proxy,
        await psycopg.AsyncConnection.connect(proxy.url, autocommit=True) as mute,
    ):
        proxy.hold_answers()
        with pytest.raises(TimeoutError):
            await connection.prepare(mute)
        assert mute.closed
        proxy.let_answers_pass()
