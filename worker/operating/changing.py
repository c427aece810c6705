"""What an operator changes about jobs: each change is the same call that the job's user makes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from worker.operating.desk import Connection, Row, rows, told
from worker.operating.errors import OperatingError


@dataclass(frozen=True, slots=True)
class Candidates:
    """Jobs to try again, and those of the asked that can't be, with the reason."""

    jobs: tuple[Row, ...]
    refused: tuple[tuple[Row, str], ...] = ()

    @property
    def price(self) -> int:
        return sum(job["price"] for job in self.jobs)


@dataclass(frozen=True, slots=True)
class Change:
    """What came of it: the job's row as it now stands, or why it was refused."""

    job: UUID
    row: Row | None
    refusal: str = ""

    def to_dict(self) -> dict[str, Any]:
        row = self.row or {}
        kept = {name: row.get(name) for name in ("id", "status", "stage", "credits_cost")}
        return {"of": self.job, "done": self.row is not None, **kept, "refusal": self.refusal}


def named(connection: Connection, jobs: Sequence[UUID]) -> Candidates:
    return sorted_out(retryable(connection, ids=list(jobs)))


def failed_with(
    connection: Connection,
    code: str,
    since: datetime | None,
    provider: str | None = None,
    users: Sequence[UUID] | None = None,
) -> Candidates:
    """Those that were tried again before are none of them: so a second call finds what is left."""
    told_apart = sorted_out(
        retryable(connection, failed=code, since=since, provider=provider, users=users)
    )
    return Candidates(told_apart.jobs)


def retryable(connection: Connection, **wanted: object) -> list[Row]:
    nothing = {"ids": None, "failed": None, "since": None, "provider": None, "users": None}
    return rows(connection, "retryable", **nothing | wanted)


def sorted_out(found: list[Row]) -> Candidates:
    reasons = [(job, reason_against(job)) for job in found]
    return Candidates(
        tuple(job for job, reason in reasons if not reason),
        tuple((job, reason) for job, reason in reasons if reason),
    )


def reason_against(job: Row) -> str:
    if job["retried_by"]:
        return f"it was tried again before, by {job['retried_by']}"
    if job["status"] not in ("FAILED", "CANCELED"):
        return f"it is {job['status']}: only what failed or was canceled can be tried again"
    return ""


def retry(connection: Connection, jobs: Sequence[UUID]) -> Iterator[Change]:
    """One transaction each: what is refused keeps no other from its new try."""
    for job in jobs:
        yield change(connection, "select * from public.retry_ai_job(%s)", job)


def cancel(connection: Connection, jobs: Sequence[UUID]) -> Iterator[Change]:
    for job in jobs:
        yield change(connection, "select * from public.cancel_ai_job(%s)", job)


def change(connection: Connection, call: str, job: UUID) -> Change:
    try:
        with told():
            row = connection.execute(call.encode(), [job]).fetchone()
    except OperatingError as refusal:
        if connection.broken:
            raise
        return Change(job, None, str(refusal))
    return Change(job, row)
