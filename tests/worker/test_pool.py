"""The few connections that a worker has: none is ever lost."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from tests.support.database import Database
from worker.database.connection import POOLED, Pool, new_pool

pytestmark = pytest.mark.newest_postgres

STEPS_TO_ITS_LOCK = 20


async def test_whoever_is_canceled_gives_his_connection_back(db: Database) -> None:
    """Also while he is at it, and the pool is just busy: else the worker would stand still."""
    async with new_pool(db.url()) as pool:
        for _ in range(POOLED):
            await cancel_a_return(pool)
        async with AsyncExitStack() as stack:
            for _ in range(POOLED):
                connection = await stack.enter_async_context(pool.connection(timeout=10))
                await connection.execute("select")


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
