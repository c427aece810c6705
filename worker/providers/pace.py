"""At most so many requests in so many seconds, in any window; those that matter first."""

import asyncio
import heapq
from collections import deque
from dataclasses import dataclass, field
from itertools import count


@dataclass(frozen=True, slots=True)
class Limit:
    requests: int
    seconds: float


@dataclass(order=True, slots=True)
class _Waiter:
    rank: int
    number: int
    turn: "asyncio.Future[None]" = field(compare=False)


class Pace:
    def __init__(self, limit: Limit) -> None:
        self._limit = limit
        self._sent: deque[float] = deque(maxlen=limit.requests)
        self._paused_until = 0.0
        self._waiting: list[_Waiter] = []
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None

    async def turn(self, *, urgent: bool = True) -> None:
        loop = asyncio.get_running_loop()
        if not self._waiting and self._free_at() <= loop.time():
            self._sent.append(loop.time())
            return
        waiter = _Waiter(0 if urgent else 1, next(self._numbers), loop.create_future())
        heapq.heappush(self._waiting, waiter)
        self._set_timer()
        await waiter.turn

    def pause(self, seconds: float) -> None:
        """The provider said to come back later."""
        now = asyncio.get_running_loop().time()
        self._paused_until = max(self._paused_until, now + seconds)

    def _free_at(self) -> float:
        full = len(self._sent) == self._limit.requests
        return max(self._paused_until, self._sent[0] + self._limit.seconds if full else 0.0)

    def _set_timer(self) -> None:
        if self._timer is None and self._waiting:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(self._free_at(), self._give_turns)

    def _give_turns(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        while self._waiting and self._free_at() <= now:
            waiter = heapq.heappop(self._waiting)
            if not waiter.turn.done():  # it may have been cancelled
                self._sent.append(now)
                waiter.turn.set_result(None)
        self._set_timer()
