"""Jobs in a list, the newest first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from worker.operating.desk import Connection, Row, rows
from worker.operating.errors import OperatingError

STATUSES = ("QUEUED", "IN_PROGRESS", "SUCCEEDED", "FAILED", "CANCELED")
OPEN = ("QUEUED", "IN_PROGRESS")
PROVIDERS = ("MESHY", "TRIPO", "REPLICATE", "OPENAI")
LIMIT = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which jobs; what is None does not matter."""

    ids: Sequence[UUID] | None = None
    statuses: Sequence[str] | None = None
    users: Sequence[UUID] | None = None
    provider: str | None = None
    failed: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = LIMIT


def list_jobs(connection: Connection, wanted: Wanted) -> list[Row]:
    return rows(
        connection,
        "jobs",
        ids=None if wanted.ids is None else list(wanted.ids),
        statuses=None if wanted.statuses is None else list(wanted.statuses),
        users=None if wanted.users is None else list(wanted.users),
        provider=wanted.provider,
        failed=wanted.failed,
        since=wanted.since,
        until=wanted.until,
        limit=wanted.limit,
    )


def read_statuses(words: Sequence[str]) -> tuple[str, ...] | None:
    """`open` stands for both that are not over."""
    found: list[str] = []
    for word in words:
        name = word.upper().replace("-", "_")
        if name == "OPEN":
            found += OPEN
        elif name in STATUSES:
            found.append(name)
        else:
            known = ", ".join((*STATUSES, "open"))
            raise OperatingError(f"{word} is no status: choose from {known}.")
    return tuple(found) or None


def read_provider(word: str) -> str:
    if word.upper() not in PROVIDERS:
        raise OperatingError(f"{word} is no provider: choose from {', '.join(PROVIDERS).lower()}.")
    return word.upper()
