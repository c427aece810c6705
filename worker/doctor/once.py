"""What several checks look at is fetched by the first that asks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Once(Generic[Value]):
    def __init__(self, fetch: Callable[[], Awaitable[Value]]) -> None:
        self._fetch = fetch
        self._fetching: asyncio.Future[Value] | None = None

    async def get(self) -> Value:
        """Whoever loses patience leaves the others their answer."""
        if self._fetching is None:
            self._fetching = asyncio.ensure_future(self._fetch())
        return await asyncio.shield(self._fetching)
