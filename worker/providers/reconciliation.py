"""What follows from the provider's list for a request whose answer was lost."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.providers.order import Task
from worker.providers.outcome import Listing

SETTLED_AFTER = timedelta(seconds=60)
"""Lists lag, and a request may land after we gave it up."""


@dataclass(frozen=True, slots=True)
class Adopt:
    """The request was accepted: this is its task."""

    task: Task


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing was bought, for certain: the request may be sent again."""

    looked_at: datetime


@dataclass(frozen=True, slots=True)
class NotYet:
    """Too early to tell: read the list again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Unclear:
    """The list can't tell, now or later: for an operator. Nothing is sent again."""

    reason: str


def reconcile(
    listing: Listing, claimed: Collection[str], gave_up_at: datetime
) -> Adopt | Absent | NotYet | Unclear:
    unclaimed = [each for each in listing.sightings if each.task.id not in claimed]
    ours = [each for each in unclaimed if each.is_ours]
    if len(ours) == 1 and listing.complete:
        return Adopt(ours[0].task)
    if len(ours) > 1:
        return Unclear(f"{len(ours)} tasks that nobody claims have the content of the request")
    early = gave_up_at + SETTLED_AFTER - listing.read_at
    if early > timedelta(0):
        return NotYet(early.total_seconds())
    if not listing.complete:
        return Unclear("the provider's list can't be read back to the request")
    if unclaimed:
        return Unclear(f"{len(unclaimed)} tasks that nobody claims may be the request's")
    return Absent(listing.read_at)
