"""Where a run stands between two decisions, and how it may end.

         ┌──────────── retry, next task of the stage ───────────┐
         ▼                                                      │
Fresh ──post──▶ Watched ──────────── the task has ended ────────┤
  ▲  │            ▲                                             ▼
  │  └─no answer─▶ Lost ──found in the provider's list──▶    Ending
  └──── proved absent ─┘
"""

from dataclasses import dataclass
from datetime import datetime

from worker.providers.failure import Failure
from worker.providers.order import Step, Task
from worker.providers.outcome import Output
from worker.providers.protocol import Done


@dataclass(frozen=True, slots=True)
class Fresh:
    """Nothing is bought that has not ended: the next request may be sent."""

    done: tuple[Done, ...] = ()
    step: Step | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """A request got no answer: it may have been accepted."""

    n: int
    step: Step
    sent_at: datetime
    gave_up_at: datetime
    done: tuple[Done, ...] = ()
    other_key: bool = False


@dataclass(frozen=True, slots=True)
class Watched:
    n: int
    step: str
    task: Task
    done: tuple[Done, ...] = ()
    hinted: bool = False
    other_key_since: datetime | None = None
    """When it was bought, where that was with another worker's key."""


Position = Fresh | Lost | Watched


@dataclass(frozen=True, slots=True)
class Finish:
    done: tuple[Done, ...]
    output: Output
    credits: float | None
    failure: Failure | None = None
    """Of the last request, which made a further format only: the stage goes without."""
    left_out: tuple[str, ...] = ()
    """The formats that nobody made for it."""


@dataclass(frozen=True, slots=True)
class Fail:
    failure: Failure
    task_ended: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """This worker's key can't work now."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Drained:
    """The job was over, and now the provider's task is too."""

    outcome: str
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Leave:
    """There is nothing left to decide: the run is over, or somebody else's."""


Ending = Finish | Fail | Wait | Pause | Drained | Leave
