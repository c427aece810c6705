"""What can go wrong at a provider: a closed set, each with what happens next."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    INVALID_REQUEST = "invalid_request"
    MODERATED = "moderated"
    NOT_FOUND = "not_found"
    UNAUTHORISED = "unauthorised"
    OUT_OF_CREDIT = "out_of_credit"
    RATE_LIMITED = "rate_limited"
    NO_SLOT = "no_slot"
    UNAVAILABLE = "unavailable"
    TASK_FAILED_RETRYABLE = "task_failed_retryable"
    TASK_FAILED = "task_failed"
    TASK_EXPIRED = "task_expired"
    SUBMISSION_UNKNOWN = "submission_unknown"


class Next(StrEnum):
    """What follows from a failure."""

    FAIL = "fail"  # the stage has failed
    WAIT = "wait"  # nothing was bought; the same request is sent again later
    PAUSE = "pause"  # this key can't work now: an operator must act, the jobs wait
    RETRY = "retry"  # the task is over; one more paid one may be tried
    RECONCILE = "reconcile"  # something may have been bought: ask the provider's list first


NEXT = {
    Kind.INVALID_REQUEST: Next.FAIL,
    Kind.MODERATED: Next.FAIL,
    Kind.NOT_FOUND: Next.FAIL,
    Kind.UNAUTHORISED: Next.PAUSE,
    Kind.OUT_OF_CREDIT: Next.PAUSE,
    Kind.RATE_LIMITED: Next.WAIT,
    Kind.NO_SLOT: Next.WAIT,
    Kind.UNAVAILABLE: Next.WAIT,
    Kind.TASK_FAILED_RETRYABLE: Next.RETRY,
    Kind.TASK_FAILED: Next.FAIL,
    Kind.TASK_EXPIRED: Next.FAIL,
    Kind.SUBMISSION_UNKNOWN: Next.RECONCILE,
}


@dataclass(frozen=True, slots=True)
class Failure:
    kind: Kind
    detail: str
    """The provider's own words, for the operator; no secret and no signed URL in it."""
    code: str = ""
    """The status and code that the provider gave, such as `403/2010`."""
    retry_after: float | None = None
    raw: Any = None

    @property
    def next(self) -> Next:
        return NEXT[self.kind]
