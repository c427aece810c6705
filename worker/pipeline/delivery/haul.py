"""A job's files on this machine: whole and sound, or the reason why not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from worker.pipeline.delivery.ending import GiveUp, Later
from worker.pipeline.delivery.links import MODEL
from worker.providers.failure import Failure, Kind

Name = tuple[str, str]
"""A role and a format."""

AGAIN_AFTER = 30.0  # s


class Fault(Enum):
    PASSING = "passing"  # the network's, or a link that has died
    DAMAGED = "damaged"  # a page, half a file; a CDN may serve such a thing for a moment
    HOPELESS = "hopeless"  # too large, or at a place where nobody may look


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
        return any(trouble.fault is not Fault.HOPELESS for trouble in self.troubles.values())

    def left_out(self) -> Iterator[str]:
        for (role, format_), trouble in self.troubles.items():
            yield f"{role} as {format_}: {trouble.why}"


def judge(haul: Haul) -> Haul | Later | GiveUp:
    """The models are what was paid for; a thumbnail that never comes holds nothing up."""
    for (role, _), trouble in haul.troubles.items():
        if role == "model" and trouble.fault is Fault.PASSING:
            return Later("fetch", AGAIN_AFTER, trouble.why)
    if no_model := haul.troubles.get(MODEL):
        return GiveUp(Failure(Kind.TASK_FAILED, f"the provider's GLB: {no_model.why}"))
    if left_out := list(haul.left_out()):
        haul.notes["left_out"] = left_out
    return haul
