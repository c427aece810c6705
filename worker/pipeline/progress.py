"""Progress of everything that this worker holds: one call a second, and only of what changed.

Each takes its turn: told all at once, 2,000 runs took Postgres half a second, and locked their rows
for as long.

Every so often all runs are named: the answer tells which are somebody else's by now, or not
wanted any more, should the notification about it have been lost.
"""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import islice

import structlog

from worker.database.connection import is_passing
from worker.database.engine import Engine
from worker.database.records import Run

EVERY = 1.0  # s
ROLL_CALL_EVERY = 15.0
AT_MOST = 250  # runs a call

GoneRuns = Callable[[list[int]], Awaitable[None]]

log = structlog.get_logger()


class Progress:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changed: dict[int, tuple[Run, int]] = {}
        self._known: dict[int, tuple[Run, int]] = {}
        self._roll_call_at = 0.0

    def tick(self, run: Run, percent: int) -> None:
        self._changed[run.id] = self._known[run.id] = (run, percent)

    def know(self, run: Run) -> None:
        """Held from now on, though nothing is known of its progress."""
        self._known[run.id] = (run, 0)

    def forget(self, run_id: int) -> None:
        self._changed.pop(run_id, None)
        self._known.pop(run_id, None)

    def call_the_roll(self) -> None:
        """At the next turn, whatever the time is."""
        self._roll_call_at = 0.0

    async def run(self, gone: GoneRuns) -> None:
        while True:
            await asyncio.sleep(EVERY)
            try:
                await self._tell(gone)
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("progress_untold", action="progress_untold", error=str(error))

    async def _tell(self, gone: GoneRuns) -> None:
        if ticks := self._take_due():
            lost = await self._engine.record_progress(ticks)
            await gone([run_id for run_id in lost if run_id in self._known])

    def _take_due(self) -> list[tuple[Run, int]]:
        """Those that have waited longest."""
        now = asyncio.get_running_loop().time()
        if now >= self._roll_call_at:
            self._roll_call_at = now + ROLL_CALL_EVERY
            self._changed |= self._known
        due = list(islice(self._changed, AT_MOST))
        return [self._changed.pop(run_id) for run_id in due]
