"""The few connections that a worker has: none is ever lost."""

import asyncio
from contextlib import AsyncExitStack
from uuid import uuid4

import psycopg
import pytest

from tests.support.database import Database
from tests.support.proxy import proxy_to
from worker.daemon.reach import answers
from worker.database import connection
from worker.database.connection import POOLED, Pool, new_pool
from worker.database.engine import Engine

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


def test_whether_a_database_answers(db: Database) -> None:
    """One that is there, and one where nobody is."""
    assert answers(db.url())
    assert not answers("postgresql://127.0.0.1:1/nobody")


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
