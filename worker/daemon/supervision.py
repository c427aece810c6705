"""What must run as long as the process does. Whatever ends without being asked is started again."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from worker.ending import AGAIN_AFTER, end_tasks

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # what has come back is used within seconds
LONG_ENOUGH = 60.0  # s, after which an end is no sign of a fault that repeats itself

Start = Callable[[], Awaitable[None]]

log = structlog.get_logger()


class Supervision:
    def __init__(self) -> None:
        self._stopping = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def keep(self, name: str, start: Start) -> None:
        self._tasks[name] = asyncio.create_task(self._keep(name, start), name=name)

    async def _keep(self, name: str, start: Start) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while not self._stopping.is_set():
            began = loop.time()
            await run_calmly(name, start)
            if self._stopping.is_set():
                return
            if loop.time() - began > LONG_ENOUGH:
                pause = FIRST_PAUSE
            log.warning("restarted", action="restarted", what=name, after=pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def stop_restarting(self) -> None:
        self._stopping.set()

    async def end(self, *names: str, grace: float = AGAIN_AFTER) -> None:
        """Asks these to end, and waits until they have; asks again when their grace is over."""
        tasks = [task for name in names if (task := self._tasks.pop(name, None))]
        await end_tasks(tasks, again_after=grace)

    async def end_all(self) -> None:
        self.stop_restarting()
        await self.end(*self._tasks)


async def run_calmly(name: str, start: Start) -> None:
    try:
        await start()
    except Exception:
        log.exception("ended_by_fault", action="ended_by_fault", what=name)


async def every(seconds: float, name: str, act: Start) -> None:
    """A fault costs one turn, not the turns after it."""
    while True:
        await run_calmly(name, act)
        await asyncio.sleep(seconds)
