"""One at a time: a second `migrate` waits for its turn, and then finds nothing left to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

from psycopg.errors import LockNotAvailable

from worker.schema.connection import Connection
from worker.schema.errors import BusyError
from worker.schema.patience import Patience
from worker.schema.progress import Progress, Report

# A bundle takes the same lock for its transaction.
LOCK: LiteralString = "1835365224, 1"


@contextmanager
def our_turn(connection: Connection, patience: Patience, report: Report) -> Iterator[None]:
    """The lock belongs to the session: if we die, the server gives it back."""
    if not take_lock(connection):
        report(Progress(f"waits up to {patience.turn_seconds:g} s for another migrate to finish"))
        wait_for_lock(connection, patience)
    try:
        yield
    finally:
        if not connection.broken:
            connection.execute(f"select pg_advisory_unlock({LOCK})")


def take_lock(connection: Connection) -> bool:
    answer = connection.execute(f"select pg_try_advisory_lock({LOCK})").fetchone()
    return bool(answer and answer[0])


def wait_for_lock(connection: Connection, patience: Patience) -> None:
    timeout = f"{patience.turn_seconds * 1000:.0f}"
    try:
        with connection.transaction():
            connection.execute("set local statement_timeout = 0")
            connection.execute("select set_config('lock_timeout', %s, true)", [timeout])
            connection.execute(f"select pg_advisory_lock({LOCK})")
    except LockNotAvailable as error:
        raise BusyError(
            f"Another migrate has been running on this database for {patience.turn_seconds:g} s.",
            "Let it finish. If it hangs, end the session that pg_stat_activity shows as"
            " 'meshqueue migrate'.",
        ) from error
