"""Credits: what somebody has, and giving them more."""

from dataclasses import dataclass
from uuid import UUID

from worker.operating.desk import Connection, Row, document
from worker.operating.errors import OperatingError

LINES = 20
MOST = 2_000_000_000  # what an integer of Postgres holds, rounded


@dataclass(frozen=True, slots=True)
class Granted:
    """`added` may differ from what was asked: a reference grants once, nothing goes below zero."""

    asked: int
    added: int
    account: Row


def read_account(connection: Connection, user: UUID, limit: int = LINES) -> Row:
    return document(connection, "account", id=user, limit=limit)


def read_accounts(connection: Connection, limit: int = LINES) -> Row:
    return document(connection, "accounts", limit=limit)


def grant(
    connection: Connection, user: UUID, credits_given: int, reason: str, reference: str | None
) -> Granted:
    refuse_nonsense(credits_given, reason)
    with connection.transaction():
        # The account is locked first, so that nobody else's change counts as ours.
        connection.execute("select meshqueue.lock_account(%s)", [user])
        before = read_account(connection, user, 0)
        connection.execute(
            "select from public.grant_credits(%s, %s, %s, %s)",
            [user, credits_given, reason, reference],
        )
        after = read_account(connection, user, 0)
    return Granted(credits_given, after["balance"] - before["balance"], after)


def refuse_nonsense(credits_given: int, reason: str) -> None:
    if not 0 < abs(credits_given) <= MOST:
        raise OperatingError(
            f"{credits_given} can't be granted: name a whole number from 1 to {MOST:,}, or a "
            "negative one to take back what is available."
        )
    if not reason.strip():
        raise OperatingError("--reason is empty: the ledger is to say why.")
