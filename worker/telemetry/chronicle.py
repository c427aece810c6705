"""What became of each run that this worker held: for the metrics, and for its job's trace."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from functools import partial
from typing import Any

import structlog

from worker.database.records import Run
from worker.database.vitals import Times, Vitals
from worker.ending import end_tasks
from worker.telemetry.instruments import (
    FAULTS,
    PICKUP_SECONDS,
    SLOT_WAIT_SECONDS,
    STAGE_SECONDS,
    STAGE_WAITS,
)
from worker.telemetry.traces import Traces

DECIDED = ("ok", "over")  # the engine's word for a decision that counted
LAST_WORDS = 2.0  # s

Told = Callable[[Run, Times], None]

log = structlog.get_logger()


class Chronicle:
    def __init__(self, vitals: Vitals, traces: Traces | None = None) -> None:
        self._vitals = vitals
        self._traces = traces
        self._notes: set[asyncio.Task[None]] = set()

    async def of(self, run: Run, work: Coroutine[Any, Any, str]) -> str:
        if run.attempt == 1:
            self._note(run, self._told_of_beginning)
        try:
            with self._shown(run):
                outcome = await work
        except Exception:
            FAULTS.labels("stage").inc()
            raise
        self._note(run, partial(self._told_of_leaving, outcome))
        return outcome

    def _shown(self, run: Run) -> AbstractContextManager[object]:
        return self._traces.stage(run) if self._traces else nullcontext()

    def _note(self, run: Run, told: Told) -> None:
        """Nobody waits for it: the run is not held any longer than its work takes."""
        note = asyncio.create_task(self._ask(run, told))
        self._notes.add(note)
        note.add_done_callback(self._notes.discard)

    async def _ask(self, run: Run, told: Told) -> None:
        try:
            times = await self._vitals.times_of_run(run.id)
        except Exception as error:  # noqa: BLE001 - a figure is missing, and nothing else
            log.info("not_noted", action="not_noted", run=run.id, error=str(error))
            return
        if times is not None:
            told(run, times)

    def _told_of_beginning(self, run: Run, times: Times) -> None:
        count_beginning(run, times)
        if self._traces:
            self._traces.tell_wait(run, times)

    def _told_of_leaving(self, outcome: str, run: Run, times: Times) -> None:
        if outcome in DECIDED:
            count_ending(run, times)
        if self._traces:
            self._traces.tell_job(run, times)

    async def close(self) -> None:
        if self._notes:
            await asyncio.wait(tuple(self._notes), timeout=LAST_WORDS)
        await end_tasks(tuple(self._notes))
        if self._traces:
            await self._traces.close()


def count_ending(run: Run, times: Times) -> None:
    if times.ended_at is not None:
        seconds = between(times.begun_at, times.ended_at)
        STAGE_SECONDS.labels(run.provider, run.stage, times.state).observe(seconds)
    elif times.state == "held" and times.held_for:
        STAGE_WAITS.labels(run.provider, times.held_for).inc()


def count_beginning(run: Run, times: Times) -> None:
    PICKUP_SECONDS.labels(run.stage).observe(between(times.placed_at, times.begun_at))
    if run.stage != "DELIVER":
        waited = between(times.asked_at, times.placed_at)
        SLOT_WAIT_SECONDS.labels(run.provider, run.stage).observe(waited)


def between(earlier: datetime | None, later: datetime | None) -> float:
    if earlier is None or later is None:
        return 0.0
    return max((later - earlier).total_seconds(), 0.0)
