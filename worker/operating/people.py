"""Who is meant: a user by id or by e-mail."""

from uuid import UUID

from worker.operating.desk import Connection, Row, rows
from worker.operating.errors import OperatingError


def find_users(connection: Connection, reference: str) -> list[Row]:
    """Several where an e-mail address belongs to several (single sign-on allows that)."""
    found = rows(connection, "users", reference=reference.strip())
    if not found:
        kind = "e-mail address" if "@" in reference else "id"
        raise OperatingError(f"no user has the {kind} {reference}.")
    return found


def find_user(connection: Connection, reference: str) -> Row:
    found = find_users(connection, reference)
    if len(found) > 1:
        ids = ", ".join(str(user["id"]) for user in found)
        raise OperatingError(f"several users have the address {reference}: name one by id: {ids}")
    return found[0]


def as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
