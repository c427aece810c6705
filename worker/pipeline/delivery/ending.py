"""How a delivery may end, other than well."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker.providers.failure import Failure

LAST_CALL = timedelta(minutes=30)  # before the deadline, after which the whole job would fail


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


def is_last_call(deadline: datetime | None) -> bool:
    return deadline is not None and datetime.now(UTC) > deadline - LAST_CALL
