"""Checks files, prepares pictures, makes models smaller: in so many processes and no more."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import structlog

from worker.ending import is_asked_to_end
from worker.glb.options import Preset
from worker.optimising import verdict
from worker.optimising.errand import Bounds, Check, Errand, Optimise, Prepare
from worker.optimising.outcome import Optimised, Outcome, Verdict
from worker.optimising.process import Ended, run
from worker.optimising.processors import processors

# A model of 300,000 triangles with three textures of 4096 pixels holds 607 MiB with one thread,
# 851 with two.
MEMORY_BYTES = 1 << 30
# The loop that watches other jobs, and answers /healthz, goes first: at 10, eight of these weigh
# nearly as much with the scheduler as it does; at 19, a tenth.
NICENESS = 19
DEADLINE = 300.0  # s; that model takes 25
PICTURE_DEADLINE = 60.0  # s; 50 million pixels take 5

Answer = TypeVar("Answer")

log = structlog.get_logger()


class OptimisersClosedError(RuntimeError):
    """The worker stops. Nothing is wrong with the file: another worker takes it up again."""


class Optimisers:
    def __init__(
        self, processes: int, memory_bytes: int = MEMORY_BYTES, deadline: float = DEADLINE
    ) -> None:
        self._turns = asyncio.Semaphore(processes)  # first come, first served
        # An order's picture waits for no model: its run holds one of the provider's slots.
        self._picture_turns = asyncio.Semaphore(1)
        # As many threads as there are processors, in all: where the container has used up its
        # quota, the kernel halts the event loop too, however nice the optimisers are.
        self._threads = max(1, processors() // processes)
        self._memory_bytes = memory_bytes
        self._deadline = deadline
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def optimise(self, source: Path, target: Path, preset: str) -> Outcome:
        """The target appears whole, and only with `Optimised`."""
        return await self._cancellable(self._optimise(source, target, Preset(preset)))

    async def check(self, files: Sequence[tuple[Path, str]]) -> tuple[Verdict, ...]:
        """A verdict for each (path, format), from one process if all goes well."""
        if not files:
            return ()
        return await self._cancellable(self._check(files))

    async def prepare(self, source: Path, target: Path, index: int) -> Verdict:
        """Of an order's picture; if it is sound, the target holds what is sent of it."""
        return await self._cancellable(self._prepare(Prepare(str(source), str(target), index)))

    async def close(self) -> None:
        """Kill what runs; who waits for it gets an OptimisersClosedError."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _cancellable(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        try:
            return await task
        except asyncio.CancelledError:
            if self._closed and not is_asked_to_end():
                raise OptimisersClosedError from None
            raise
        finally:
            self._tasks.discard(task)

    async def _optimise(self, source: Path, target: Path, preset: Preset) -> Outcome:
        part = target.with_name(f".{target.name}.{uuid4().hex}.part")
        try:
            errand = Optimise(str(source), str(part), preset, self._threads)
            ended = await self._run(errand, self._turns, self._deadline)
            outcome = verdict.of_model(ended, self._memory_bytes, self._deadline)
            if isinstance(outcome, Optimised):
                part.replace(target)
            return outcome
        finally:
            part.unlink(missing_ok=True)

    async def _check(self, files: Sequence[tuple[Path, str]]) -> tuple[Verdict, ...]:
        """Files behind one that ends the process are looked at by another."""
        verdicts: tuple[Verdict, ...] = ()
        while left := files[len(verdicts) :]:
            errand = Check([(str(path), kind) for path, kind in left])
            ended = await self._run(errand, self._turns, self._deadline)
            verdicts += verdict.of_files(ended, len(left), self._memory_bytes, self._deadline)
        return verdicts

    async def _prepare(self, errand: Prepare) -> Verdict:
        deadline = min(self._deadline, PICTURE_DEADLINE)
        ended = await self._run(errand, self._picture_turns, deadline)
        return verdict.of_files(ended, 1, self._memory_bytes, deadline)[0]

    async def _run(self, errand: Errand, turns: asyncio.Semaphore, deadline: float) -> Ended:
        async with turns:
            if self._closed:
                raise OptimisersClosedError
            ended = await run(errand, self._bounds(deadline), deadline)
        if ended.code != 0 or ended.complaints:
            log.warning(
                "optimiser_complained",
                action="optimiser_complained",
                code=ended.code,
                complaints=ended.complaints,
            )
        return ended

    def _bounds(self, deadline: float) -> Bounds:
        """Its seconds on all its threads: the parent's clock comes first, if there is a parent."""
        cpu_seconds = int(deadline * self._threads) + 1
        return Bounds(self._memory_bytes, cpu_seconds, os.getpid(), NICENESS)
