"""A job's way to its end, as its user sees it."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

from worker.local.user import Row, User

LOOK_EVERY = 0.2  # s
OVER = ("SUCCEEDED", "FAILED", "CANCELED")


async def follow(user: User, job: UUID) -> AsyncIterator[Row]:
    """The job's row whenever it has changed; the last one is its end."""
    last: Row = {}
    while True:
        row = await asyncio.to_thread(user.job, job)
        if row != last:
            yield row
        if row["status"] in OVER:
            return
        last = row
        await asyncio.sleep(LOOK_EVERY)
