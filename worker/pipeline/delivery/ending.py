"""How a delivery may end, other than well."""

from dataclasses import dataclass

from worker.providers.failure import Failure


@dataclass(frozen=True, slots=True)
class Later:
    """Nothing is wrong with the files. `delivery_deadline_minutes` ends it."""

    reason: str
    seconds: float
    why: str = ""


@dataclass(frozen=True, slots=True)
class GiveUp:
    failure: Failure


@dataclass(frozen=True, slots=True)
class Full:
    """The storage takes nothing more: deliveries pause, none fails."""

    why: str


@dataclass(frozen=True, slots=True)
class Over:
    """The job has ended, or the run is somebody else's."""


Ending = Later | GiveUp | Full | Over
