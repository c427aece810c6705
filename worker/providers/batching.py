"""Watching many tasks with one request an interval for each hundred of them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from worker.providers.order import Task
from worker.providers.outcome import State
from worker.providers.watch import Watch

Ask = Callable[[Sequence[Task]], Awaitable[Mapping[str, State]]]


class Batch:
    """Rounds go on as long as anybody watches."""

    def __init__(self, ask: Ask, size: int, interval: float) -> None:
        self._ask = ask
        self._size = size
        self._interval = interval
        self._watches: set[Watch] = set()
        self._rounds: asyncio.Task[None] | None = None

    async def feed(self, watch: Watch) -> None:
        self._watches.add(watch)
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_round())
        rounds = self._rounds
        try:
            await asyncio.wait({rounds})
            rounds.result()
        finally:
            await self._leave(watch)

    async def _leave(self, watch: Watch) -> None:
        self._watches.discard(watch)
        if self._rounds and not self._watches:
            ending, self._rounds = self._rounds, None
            ending.cancel()
            await asyncio.wait({ending})

    async def _go_round(self) -> None:
        while True:
            await asyncio.sleep(self._interval)
            watches = list(self._watches)
            chunks = range(0, len(watches), self._size)
            await asyncio.gather(*(self._put(watches[n : n + self._size]) for n in chunks))

    async def _put(self, watches: Sequence[Watch]) -> None:
        states = await self._ask([watch.task for watch in watches])
        for watch in watches:
            if state := states.get(watch.task.id):
                watch.put(state)
            else:
                watch.ring()  # its absence from a list proves nothing: it is asked about by itself
