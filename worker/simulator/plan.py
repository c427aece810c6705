"""A task's whole future, drawn when it is created: its state is a function of the clock."""

import math
from bisect import bisect_right
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

LAST_BEFORE_STALL = (95, 99)
STALL_SECONDS = (30.0, 120.0)
STALLS_FROM_SECONDS = 60.0  # short tasks have no finalisation worth a stall


class Phase(StrEnum):
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        return self not in (Phase.PENDING, Phase.RUNNING)


@dataclass(frozen=True, slots=True)
class Moment:
    phase: Phase
    progress: int
    ahead: int


@dataclass(frozen=True, slots=True)
class Plan:
    created: float
    places: tuple[float, ...]
    """When the task moves up in the queue; after the last move it starts."""
    started: float
    steps: tuple[tuple[float, int], ...]
    """(when, progress) while it works."""
    finished: float
    ending: Phase = Phase.SUCCEEDED

    def at(self, now: float) -> Moment:
        if now >= self.finished:
            return Moment(self.ending, self._last_progress(), 0)
        if now < self.started:
            return Moment(Phase.PENDING, 0, len(self.places) - bisect_right(self.places, now))
        return Moment(Phase.RUNNING, self._progress(now), 0)

    def next_change(self, now: float) -> float:
        times = (*self.places, self.started, *(when for when, _ in self.steps), self.finished)
        return min((when for when in times if when > now), default=math.inf)

    def ended_at(self, now: float, ending: Phase) -> "Plan":
        """Cut short: what has happened stays, the rest does not come."""
        return replace(
            self,
            places=tuple(when for when in self.places if when <= now),
            started=self.started if self.started <= now else _never_or(now, ending),
            steps=tuple(step for step in self.steps if step[0] <= now),
            finished=now,
            ending=ending,
        )

    def started_at(self, now: float) -> "Plan":
        """The queue is skipped; the work takes as long as it would have."""
        earlier = self.started - now if self.started < math.inf else 0.0
        return replace(
            self,
            places=tuple(when for when in self.places if when <= now),
            started=now,
            steps=tuple((when - earlier, progress) for when, progress in self.steps),
            finished=self.finished - earlier,
        )

    def stuck_pending(self) -> "Plan":
        return replace(self, places=self.places[:1], started=math.inf, steps=(), finished=math.inf)

    def stuck_at_99(self) -> "Plan":
        reached = self.steps[-1][0] if self.steps else self.started
        return replace(self, steps=(*self.steps, (reached, 99)), finished=math.inf)

    def failing(self, ending: Phase = Phase.FAILED) -> "Plan":
        """It breaks at about half of its work."""
        half = self.started + (self.finished - self.started) / 2
        return self.ended_at(half, ending)

    def _progress(self, now: float) -> int:
        passed = bisect_right(self.steps, (now, 100))
        return self.steps[passed - 1][1] if passed else 0

    def _last_progress(self) -> int:
        if self.ending is Phase.SUCCEEDED:
            return 100
        return self._progress(self.finished)


def draw_plan(dice: Random, created: float, work_seconds: float, longest_queue: int) -> Plan:
    places, started = _draw_queue(dice, created, longest_queue)
    lasts = work_seconds * dice.uniform(0.85, 1.15)
    return Plan(created, places, started, _draw_steps(dice, started, lasts), started + lasts)


def _draw_queue(dice: Random, created: float, longest: int) -> tuple[tuple[float, ...], float]:
    moves, when = [], created
    for _ in range(dice.randint(min(2, longest), longest)):
        when += dice.uniform(1.0, 4.0)
        moves.append(when)
    return tuple(moves), when + dice.uniform(0.5, 1.5)


def _draw_steps(dice: Random, started: float, lasts: float) -> tuple[tuple[float, int], ...]:
    last = dice.randint(*LAST_BEFORE_STALL)
    moving = lasts - _draw_stall(dice, lasts)
    marks = sorted({*dice.sample(range(1, last), k=min(18, int(lasts) + 1)), last})
    times = sorted(dice.uniform(0.02, 0.98) for _ in marks[:-1])
    offsets = [share * moving for share in times] + [moving]
    return tuple((started + offset, mark) for offset, mark in zip(offsets, marks, strict=True))


def _draw_stall(dice: Random, lasts: float) -> float:
    if lasts < STALLS_FROM_SECONDS:
        return lasts * 0.1
    shortest, longest = STALL_SECONDS
    return dice.uniform(shortest, max(shortest, min(longest, lasts / 2)))


def _never_or(now: float, ending: Phase) -> float:
    return now if ending is Phase.SUCCEEDED else math.inf
