"""What must run as long as the process does. Whatever ends without being asked is started again."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import structlog

from worker.database.connection import is_passing
from worker.ending import AGAIN_AFTER, end_tasks, is_asked_to_end
from worker.telemetry.instruments import FAULTS, RESTARTS

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # what has come back is used within seconds
LONG_ENOUGH = 60.0  # s, after which an end is no sign of a fault that repeats itself
LATELY = 600.0  # s, of which an operator is told

Start = Callable[[], Awaitable[None]]

log = structlog.get_logger()


class Supervision:
    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._restarts: deque[float] = deque(maxlen=100)

    def keep(self, name: str, start: Start) -> None:
        RESTARTS.labels(name)
        FAULTS.labels(name)
        self._tasks[name] = asyncio.create_task(self._keep(name, start), name=name)

    async def _keep(self, name: str, start: Start) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while not self._stopping.is_set():
            began = loop.time()
            fault = await run_calmly(name, start)
            if self._stopping.is_set():
                return
            if loop.time() - began > LONG_ENOUGH:
                pause = FIRST_PAUSE
            self._note_restart(name, fault)
            log.warning("restarted", action="restarted", what=name, after=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _note_restart(self, name: str, fault: BaseException | None) -> None:
        RESTARTS.labels(name).inc()
        if not is_outage(fault):
            self._restarts.append(asyncio.get_running_loop().time())

    def restarts_lately(self) -> int:
        """Not counted are those that an outage of the database explains."""
        now = asyncio.get_running_loop().time()
        return sum(now - at < LATELY for at in self._restarts)

    def stop_restarting(self) -> None:
        self._stopping.set()

    async def end(self, *names: str, grace: float = AGAIN_AFTER) -> None:
        """Asks these to end, and waits until they have; asks again when their grace is over."""
        tasks = [task for name in names if (task := self._tasks.pop(name, None))]
        await end_tasks(tasks, again_after=grace)

    async def end_all(self) -> None:
        self.stop_restarting()
        await self.end(*self._tasks)


async def run_calmly(name: str, start: Start) -> BaseException | None:
    try:
        await start()
    except (Exception, asyncio.CancelledError) as fault:
        if isinstance(fault, asyncio.CancelledError) and is_asked_to_end():
            raise  # else a library canceled it, for a reason of its own
        FAULTS.labels(name).inc()
        log.exception("ended_by_fault", action="ended_by_fault", what=name)
        return fault
    return None


def is_outage(fault: BaseException | None) -> bool:
    """Also where a library has put an error of its own in front of it."""
    while fault is not None:
        if is_passing(fault):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


async def every(seconds: float, name: str, act: Start) -> None:
    """A fault costs one turn, not the turns after it."""
    while True:
        await run_calmly(name, act)
        await asyncio.sleep(seconds)
