"""How a file fared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Report = Mapping[str, Any]


class Code(StrEnum):
    """Why there is no result. It tells of the process, not of the file."""

    CRASHED = "crashed"
    KILLED = "killed"  # by the kernel or a person, not by its bounds
    OUT_OF_MEMORY = "out_of_memory"
    TOO_SLOW = "too_slow"
    REFUSED = "refused"  # by the optimiser, of a model that passed the checks
    NOT_STARTED = "not_started"
    DISK = "disk"

    @property
    def is_ours(self) -> bool:
        """This machine's fault: nothing was found out about the file, and a later try may work.

        Where memory runs out our children are the first to go, whoever took it.
        """
        return self is Code.KILLED or self.hits_every_process

    @property
    def hits_every_process(self) -> bool:
        return self in (Code.NOT_STARTED, Code.DISK)


@dataclass(frozen=True, slots=True)
class Optimised:
    """The target is written. Where nothing could be gained it equals the source."""

    report: Report


@dataclass(frozen=True, slots=True)
class Unoptimised:
    """No target is written: where it was checked, the source itself can be delivered."""

    code: Code
    why: str
    report: Report = field(default_factory=dict)
    """`triangles` stands in it unless the process ended before the checks did."""

    @property
    def checked(self) -> bool:
        return "triangles" in self.report


@dataclass(frozen=True, slots=True)
class Unsound:
    """Not what it claims to be, or damaged: never to be delivered."""

    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Sound:
    facts: Report = field(default_factory=dict)
    """`width`, `height` and `content_type` of a picture; `triangles` of a GLB or binary STL."""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """The checking process itself failed: nothing is known of the file."""

    code: Code
    why: str


Outcome = Optimised | Unoptimised | Unsound
Verdict = Sound | Unsound | Unchecked
