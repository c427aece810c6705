"""Which jobs a reference means.

An id or its beginning, an e-mail address or a user's id, a client_task_id, the provider's task id.
"""

import re
from collections.abc import Sequence
from uuid import UUID

from worker.operating.desk import Connection, rows
from worker.operating.errors import OperatingError
from worker.operating.listing import LIMIT, Wanted, list_jobs
from worker.operating.people import as_uuid, find_users

SHORTEST = 4
HEX = re.compile(r"[0-9a-f-]+")
DIGITS = 32


def find_jobs(connection: Connection, reference: str) -> list[UUID]:
    """The newest first where there are several."""
    if "@" in reference:
        found = [user["id"] for user in find_users(connection, reference)]
        return jobs_of(connection, found)
    matches = matching(connection, reference)
    if not matches and (user := as_uuid(reference)):
        return jobs_of(connection, [user])
    surest = min((sureness for _, sureness in matches), default=0)
    return [job for job, sureness in matches if sureness == surest]


def jobs_of(connection: Connection, users: Sequence[UUID]) -> list[UUID]:
    return [job["id"] for job in list_jobs(connection, Wanted(users=users, limit=LIMIT))]


def matching(connection: Connection, reference: str) -> list[tuple[UUID, int]]:
    low, high = bounds(reference.lower())
    told = {"text": reference, "id": as_uuid(reference), "low": low, "high": high}
    return [(row["id"], row["sureness"]) for row in rows(connection, "references", **told)]


def bounds(beginning: str) -> tuple[UUID | None, UUID | None]:
    """The first and the last id that begin so: an index finds what lies between."""
    digits = beginning.replace("-", "")
    if not HEX.fullmatch(beginning) or not SHORTEST <= len(digits) <= DIGITS:
        return None, None
    return UUID(digits.ljust(DIGITS, "0")), UUID(digits.ljust(DIGITS, "f"))


def find_job(connection: Connection, reference: str) -> UUID:
    """The only one that is meant."""
    found = find_jobs(connection, reference)
    if not found:
        raise no_such_job(reference)
    if len(found) > 1:
        shown = ", ".join(str(job) for job in found[:5])
        raise OperatingError(
            f"{reference} means {len(found)} jobs ({shown}{', …' if len(found) > 5 else ''}). "  # noqa: PLR2004 - as many as were shown
            f"See `meshqueue jobs show {reference}`, then name one by its id."
        )
    return found[0]


def no_such_job(reference: str) -> OperatingError:
    return OperatingError(
        f"no job is known as {reference}. A job is found by its id or at least {SHORTEST} digits "
        "of its beginning, its user's id or e-mail address, its client_task_id, or the provider's "
        "task id."
    )
