"""Watching many tasks with one request an interval for each hundred of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

from worker.ending import end_tasks
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
        self._next_at = 0.0  # kept from one round to the next, also when nobody watched between

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
            await end_tasks([ending])

    async def _go_round(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(max(self._next_at - loop.time(), 0))
            self._next_at = loop.time() + self._interval
            await asyncio.gather(*(self._put(chunk) for chunk in self._chunks()))

    def _chunks(self) -> Iterator[list[Watch]]:
        watches = list(self._watches)
        for start in range(0, len(watches), self._size):
            yield watches[start : start + self._size]

    async def _put(self, watches: Sequence[Watch]) -> None:
        states = await self._ask([watch.task for watch in watches])
        for watch in watches:
            if state := states.get(watch.task.id):
                watch.put(state)
            else:
                watch.ring()  # its absence from a list proves nothing: it is asked about by itself
