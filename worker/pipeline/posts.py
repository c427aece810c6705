"""Paid requests under way. A shutdown cuts nothing here: each is finished and recorded first."""

import asyncio
from collections.abc import Coroutine
from typing import TypeVar

Answer = TypeVar("Answer")


class Posts:
    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[object]] = set()

    async def finish(self, post: Coroutine[object, object, Answer]) -> Answer:
        """Runs to its end, even if whoever waits for it is canceled."""
        task = asyncio.create_task(post)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        return await asyncio.shield(task)

    async def all_finished(self) -> None:
        while self._under_way:
            await asyncio.wait(tuple(self._under_way))

    def __len__(self) -> int:
        return len(self._under_way)
