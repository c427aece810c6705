"""A worker in a process of its own that says what its optimisers took of each delivery.

    python -m tests.bench.deliverer '{…}'    as tests.bench.labour

From the first request for a process to the last one's end: waiting for a free one counts.
"""

import asyncio
import json
import logging
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from uuid import UUID

from tests.bench.labour import plan_of, say
from tests.bench.memory import peak_mib
from worker.daemon.daemon import Daemon, Plan
from worker.daemon.loop import run_long
from worker.logs import set_up_logs
from worker.optimising.optimisers import Optimisers
from worker.optimising.outcome import Outcome, Verdict
from worker.pipeline.held import Held

KIB = 1024

delivering: ContextVar[UUID] = ContextVar("delivering")


class TimedOptimisers(Optimisers):
    def __init__(self, processes: int, memory_bytes: int) -> None:
        super().__init__(processes, memory_bytes)
        self.spans: dict[UUID, tuple[float, float]] = {}

    async def optimise(self, source: Path, target: Path, preset: str) -> Outcome:
        async with self._timed():
            return await super().optimise(source, target, preset)

    async def check(self, files: Sequence[tuple[Path, str]]) -> tuple[Verdict, ...]:
        async with self._timed():
            return await super().check(files)

    @asynccontextmanager
    async def _timed(self) -> AsyncIterator[None]:
        began = time.perf_counter()
        yield
        job = delivering.get()
        first, _ = self.spans.get(job, (began, began))
        self.spans[job] = min(first, began), time.perf_counter()


class TimedDaemon(Daemon):
    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        self.timed = self.optimisers = TimedOptimisers(plan.optimisers, plan.optimiser_memory)

    async def _deliver(self, held: Held) -> str:
        delivering.set(held.run.job_id)
        return await super()._deliver(held)


async def main() -> None:
    set_up_logs(level=logging.WARNING)
    daemon = TimedDaemon(plan_of(json.loads(sys.argv[1])))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, daemon.stop)
    working = asyncio.create_task(daemon.run())
    await daemon.ready.wait()
    say(ready=True)
    await working
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / KIB
    spans = {str(job): end - begin for job, (begin, end) in daemon.timed.spans.items()}
    say(peak_mib=peak_mib(), child_peak_mib=children, optimised=spans)


if __name__ == "__main__":
    run_long(main())
