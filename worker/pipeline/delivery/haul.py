"""A job's files on this machine: whole and sound, or the reason why not."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from worker.optimising import Unchecked
from worker.pipeline.delivery.ending import GiveUp, Later, is_last_call
from worker.pipeline.delivery.links import MODEL
from worker.providers.failure import Failure, Kind

Name = tuple[str, str]
"""A role and a format."""

AGAIN_AFTER = 30.0  # s


class Fault(Enum):
    PASSING = "passing"  # the network's, or a link that has died or leads astray
    DAMAGED = "damaged"  # a page, half a file; a CDN may serve such a thing for a moment
    HOPELESS = "hopeless"  # too large, or under no address at all
    OURS = "ours"  # this machine's: no room on its disk or for a process, or that was killed


def fault_of(unchecked: Unchecked) -> Fault:
    """What crashes a process that only looks at it is given to nobody."""
    return Fault.OURS if unchecked.code.is_ours else Fault.DAMAGED


@dataclass(frozen=True, slots=True)
class Trouble:
    fault: Fault
    why: str


@dataclass(frozen=True, slots=True)
class Piece:
    role: str
    format: str
    path: Path
    bytes: int
    sha256: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    """`triangles`, `width`, `height`, as far as they are known."""

    @property
    def name(self) -> Name:
        return (self.role, self.format)


@dataclass(slots=True)
class Haul:
    pieces: dict[Name, Piece] = field(default_factory=dict)
    troubles: dict[Name, Trouble] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)
    """For the operator: what was left out or left alone, and why."""

    def keep(self, piece: Piece) -> None:
        self.pieces[piece.name] = piece
        self.troubles.pop(piece.name, None)

    def drop(self, name: Name, fault: Fault, why: str) -> None:
        self.pieces.pop(name, None)
        self.troubles[name] = Trouble(fault, why)

    def is_worth_another_try(self) -> bool:
        """Not at once on a machine that lacks something: what it has goes to its other work."""
        faults = {trouble.fault for trouble in self.troubles.values()}
        return Fault.OURS not in faults and bool(faults - {Fault.HOPELESS})

    def left_out(self) -> Iterator[str]:
        for (role, format_), trouble in self.troubles.items():
            yield f"{role} as {format_}: {trouble.why}"


def judge(haul: Haul, deadline: datetime | None = None) -> Haul | Later | GiveUp:
    """The models are what was paid for; a thumbnail that never comes holds nothing up."""
    for name, trouble in haul.troubles.items():
        if trouble.fault is Fault.OURS and (name == MODEL or not is_last_call(deadline)):
            return not_here(trouble.why)
    for name, trouble in haul.troubles.items():
        if trouble.fault is Fault.PASSING and is_waited_for(name, deadline):
            return Later("fetch", AGAIN_AFTER, trouble.why)
    if no_model := haul.troubles.get(MODEL):
        code = "damaged_model" if no_model.fault is Fault.DAMAGED else ""
        return GiveUp(Failure(Kind.TASK_FAILED, f"the provider's GLB: {no_model.why}", code))
    if left_out := list(haul.left_out()):
        haul.notes["left_out"] = left_out
    return haul


def is_waited_for(name: Name, deadline: datetime | None) -> bool:
    """The GLB to the end; a further format until the GLB would be lost with it."""
    if name == MODEL:
        return True
    return name[0] == "model" and not is_last_call(deadline)


def not_here(why: str) -> Later:
    """At different times, lest those who took each other's room all come back together."""
    seconds = AGAIN_AFTER * random.uniform(0.5, 1.5)  # noqa: S311 - jitter
    return Later("machine", seconds, why)
