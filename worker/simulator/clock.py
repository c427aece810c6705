"""One virtual clock for both providers: it runs at a speed, stands still, or jumps."""

import asyncio
import heapq
import itertools
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from worker.simulator.errors import SimulatorError
from worker.simulator.thread import LoopThread

IDLE_TIMEOUT = 10.0


@dataclass(slots=True)
class Timer:
    action: Callable[[], None]
    canceled: bool = False

    def cancel(self) -> None:
        self.canceled = True


class Clock:
    def __init__(self, thread: LoopThread, speed: float) -> None:
        if not 0 <= speed < math.inf:
            raise SimulatorError(f"speed must be 0 or more, not {speed}: 1 is real time, 0 stands.")
        self.speed = speed
        self._thread = thread
        self._origin = time.time()
        self._started = time.monotonic()
        self._jumped = 0.0
        self._frozen: float | None = None
        self._timers: list[tuple[float, int, Timer]] = []
        self._orders = itertools.count()
        self._wake: asyncio.TimerHandle | None = None
        self._work: set[asyncio.Task[None]] = set()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds(), UTC)

    def seconds(self) -> float:
        """Virtual seconds since 1970; while a timer fires, the moment when it was due."""
        if self._frozen is not None:
            return self._frozen
        return self._origin + self._jumped + (time.monotonic() - self._started) * self.speed

    @staticmethod
    def wall() -> float:
        return time.monotonic()

    def pace(self) -> float:
        """The time in which request rates are measured.

        A client does not send faster because tasks are sped up, so a second is never shorter
        than a real one. At speed 0 it stands, and advance() makes room for more requests.
        """
        return self._jumped + (time.monotonic() - self._started) * min(self.speed, 1.0)

    def advance(self, seconds: float) -> None:
        """Jumps; everything due in between happens, in order.

        Then waits until the webhooks that fell due are delivered, unless the caller's thread runs
        an event loop: the receiver may live in it (`elapse` waits there).
        """
        self._thread.call(lambda: self.jump(seconds))
        if self._thread.runs and not _inside_event_loop():
            self._thread.run(self.idle())

    async def elapse(self, seconds: float) -> None:
        """As advance(), and waits without blocking the caller's event loop."""
        self._thread.call(lambda: self.jump(seconds))
        idle = asyncio.run_coroutine_threadsafe(self.idle(), self._thread.loop)
        await asyncio.wrap_future(idle)

    # --- on the simulator's own thread

    def jump(self, seconds: float) -> None:
        if not 0 <= seconds < math.inf:
            raise SimulatorError(f"The clock can't advance by {seconds} seconds, only forwards.")
        self._fire_until(self.seconds() + seconds)
        self._jumped += seconds
        self.run_due()

    def run_due(self) -> None:
        self._fire_until(self.seconds())
        self._arm()

    def at(self, due: float, action: Callable[[], None]) -> Timer:
        timer = Timer(action)
        if due < math.inf:
            heapq.heappush(self._timers, (due, next(self._orders), timer))
            self._arm()
        return timer

    def track(self, work: asyncio.Task[None]) -> None:
        """Something that a jump has set going, and that who jumped may wait for."""
        self._work.add(work)
        work.add_done_callback(self._work.discard)

    async def idle(self) -> None:
        deadline = time.monotonic() + IDLE_TIMEOUT
        while self._work and (left := deadline - time.monotonic()) > 0:
            await asyncio.wait(self._work, timeout=left)
            self.run_due()

    async def stop(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._timers.clear()
        for work in (working := list(self._work)):
            work.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    def _fire_until(self, target: float) -> None:
        if self._frozen is not None:
            return
        try:
            while self._timers and self._timers[0][0] <= target:
                self._frozen, _, timer = heapq.heappop(self._timers)
                if not timer.canceled:
                    timer.action()
        finally:
            self._frozen = None

    def _arm(self) -> None:
        if self._wake is not None:
            self._wake.cancel()
            self._wake = None
        if self.speed and self._timers and self._frozen is None and self._thread.runs:
            delay = max(0.0, (self._timers[0][0] - self.seconds()) / self.speed)
            self._wake = self._thread.loop.call_later(delay, self.run_due)


def _inside_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
