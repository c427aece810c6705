"""How tasks are brought to their end."""

import asyncio
from collections.abc import Iterable
from typing import Any

AGAIN_AFTER = 0.5  # s


def is_asked_to_end() -> bool:
    """The task that runs now, by a cancellation that it has not heeded yet or never got to see."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def end_tasks(
    tasks: Iterable["asyncio.Future[Any]"], *, again_after: float = AGAIN_AFTER
) -> None:
    """Cancels until it has worked.

    Before Python 3.12 `asyncio.wait_for`, on which the connection pool stands, may swallow a
    cancellation that comes at the moment of its answer.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=again_after)
