"""What came of asking a provider: values, to be matched."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from worker.providers.failure import Failure
from worker.providers.order import Step, Task

# --- preparing a stage's next request


@dataclass(frozen=True, slots=True)
class Ready:
    """The next request of the stage; nothing has been bought yet."""

    step: Step


@dataclass(frozen=True, slots=True)
class Complete:
    """Every request of the stage has been answered: this is what it made."""

    output: "Output"


# --- sending it


@dataclass(frozen=True, slots=True)
class Accepted:
    task: Task
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """For certain, nothing was bought."""

    failure: Failure


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have been accepted. Never sent again before the provider's list was asked."""

    failure: Failure


# --- the task's state


@dataclass(frozen=True, slots=True)
class Link:
    """A file to fetch; its role is one of those of `asset_files`."""

    role: str
    format: str
    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Output:
    links: tuple[Link, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else it said about the result, such as `riggable`."""


@dataclass(frozen=True, slots=True)
class Working:
    progress: int = 0
    ahead: int | None = None
    """Tasks before ours in the provider's queue, where it says so."""


@dataclass(frozen=True, slots=True)
class Succeeded:
    output: Output
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    failure: Failure
    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Canceled:
    """The provider says that the task was canceled."""

    credits: float | None = None


@dataclass(frozen=True, slots=True)
class Unseen:
    """The provider could not be asked this time; the task may be well."""

    failure: Failure


State = Working | Succeeded | Failed | Canceled | Unseen

# --- asking it to stop


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The task is gone and paid back."""


@dataclass(frozen=True, slots=True)
class NotStopped:
    """It goes on, or was over already, or the provider has no cancel: watch it to its end."""

    failure: Failure | None = None


# --- looking for a lost request


@dataclass(frozen=True, slots=True)
class Sighting:
    """A task of the kind that was asked for, created since the request was sent."""

    task: Task
    created_at: datetime
    is_ours: bool
    """What the provider shows of its content equals ours, and it shows enough to tell."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The provider's list since the request was sent."""

    sightings: tuple[Sighting, ...]
    complete: bool
    read_at: datetime
    """When reading began: pages wait for their turn, and the first one has the newest tasks."""


# --- the rest


@dataclass(frozen=True, slots=True)
class Balance:
    credits: float


@dataclass(frozen=True, slots=True)
class Hint:
    """A webhook that is genuine: look at this task now."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Forged:
    reason: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Genuine, but about nothing that is watched."""
