"""What a child is told to do, and the bounds that it puts on itself before it looks at a file."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    memory_bytes: int
    cpu_seconds: int
    parent: int
    """The process whose death ends the child."""
    niceness: int


@dataclass(frozen=True, slots=True)
class Optimise:
    source: str
    target: str
    preset: str
    threads: int


@dataclass(frozen=True, slots=True)
class Check:
    files: Sequence[tuple[str, str]]
    """Path and format of each."""


@dataclass(frozen=True, slots=True)
class Prepare:
    source: str
    target: str
    index: int
    """Of the picture in its order."""


Errand = Optimise | Check | Prepare
ERRANDS: dict[str, type[Optimise] | type[Check] | type[Prepare]] = {
    "optimise": Optimise,
    "check": Check,
    "prepare": Prepare,
}


def to_argument(errand: Errand, bounds: Bounds) -> str:
    name = next(name for name, kind in ERRANDS.items() if isinstance(errand, kind))
    return json.dumps({"errand": name, "what": asdict(errand), "bounds": asdict(bounds)})


def from_argument(text: str) -> tuple[Errand, Bounds]:
    told = json.loads(text)
    return ERRANDS[told["errand"]](**told["what"]), Bounds(**told["bounds"])
