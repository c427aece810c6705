"""What lies in the storage, and what is to go from it, as the database believes."""

from typing import Any
from uuid import uuid4

from tests.support.database import Database
from tests.support.session import Session

Row = dict[str, Any]


def come_due(db: Database) -> None:
    """Whoever might still upload something has done so."""
    db.admin.execute("update meshqueue.removals set due_at = now() where due_at > now()")


def lapse_claims(db: Database) -> None:
    """Whoever claimed removals did not report for more than ten minutes."""
    ago = "now() - interval '1 second'"
    query = f"update meshqueue.removals set claimed_until = {ago} where claimed_until is not null"
    db.admin.execute(query)


def removable(db: Database) -> list[str]:
    """What a worker would be told to remove once all that is listed is due; changes nothing."""
    with db.admin.connection.transaction(force_rollback=True):
        come_due(db)
        query = "select meshqueue.claim_removals(%s)"
        claimed = db.admin.value(query, uuid4())
    return sorted(f"{file['bucket']} {file['path']}" for file in claimed)


def listed(session: Session) -> list[str]:
    return session.values("select bucket || ' ' || path from meshqueue.removals order by 1")


def intents(session: Session) -> list[str]:
    return session.values("select bucket || ' ' || path from meshqueue.intents order by 1")


def copies(session: Session) -> list[str]:
    return session.values("select bucket || ' ' || path from meshqueue.copies order by 1")
