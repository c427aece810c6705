"""Runs what is pending. Two at once are safe: the second waits, and finds nothing left to do."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from worker.schema.connection import Connection, become_postgres, connected
from worker.schema.errors import ApplyError, BusyError
from worker.schema.pending import pending_steps
from worker.schema.platform import Platform, ensure_platform_on, read_platform
from worker.schema.sources import Sources, installed_sources
from worker.schema.step import Statement, Step

# A bundle takes the same lock for its transaction.
LOCK: LiteralString = "1835365224, 1"
LOCK_WAIT_SECONDS = 120
TRIES = 5
PAUSE_SECONDS = 0.5

# Dropping a trigger or a policy shuts its table: whoever waits longer holds up everyone behind.
SETTINGS: LiteralString = (
    "set local search_path = '';\n"
    "set local lock_timeout = '5s';\n"
    "set local statement_timeout = '15min';\n"
    "set local check_function_bodies = on;\n"
)


@dataclass(frozen=True)
class Progress:
    """`seconds` is None for what was not run: a wait, or what stood already."""

    text: str
    details: tuple[str, ...] = ()
    seconds: float | None = None


Report = Callable[[Progress], None]


def silent(_: Progress) -> None:
    pass


def migrate(url: str, *, report: Report = silent, sources: Sources | None = None) -> int:
    """Answer with the number of steps that ran."""
    wanted = sources or installed_sources()
    with reported_errors(), connected(url) as connection:
        prepare_platform(connection, report)
        become_postgres(connection)
        with alone(connection, report):
            return sum(run(connection, step, report) for step in pending_steps(connection, wanted))


def check(url: str, *, sources: Sources | None = None) -> list[Step]:
    """What `migrate` would run; changes nothing."""
    wanted = sources or installed_sources()
    with reported_errors(), connected(url) as connection:
        become_postgres(connection)
        platform = [Step("platform: what a Supabase project has", ())]
        missing = platform if read_platform(connection) is Platform.MISSING else []
        return [*missing, *pending_steps(connection, wanted)]


def prepare_platform(connection: Connection, report: Report) -> None:
    began = time.monotonic()
    if ensure_platform_on(connection):
        report(
            Progress(
                "platform: a plain Postgres now looks like a Supabase project",
                seconds=time.monotonic() - began,
            )
        )


@contextmanager
def reported_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise ApplyError(
            f"The database refused: {error}", "What was applied before stands; migrate again."
        ) from error


# One at a time ----------------------------------------------------------------------------


@contextmanager
def alone(connection: Connection, report: Report) -> Iterator[None]:
    """The lock belongs to the session: if we die, the server gives it back."""
    if not try_lock(connection):
        report(Progress(f"waits up to {LOCK_WAIT_SECONDS} s for another migrate to finish"))
        wait_for_lock(connection)
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute(f"select pg_advisory_unlock({LOCK})")


def try_lock(connection: Connection) -> bool:
    answer = connection.execute(f"select pg_try_advisory_lock({LOCK})").fetchone()
    return bool(answer and answer[0])


def wait_for_lock(connection: Connection) -> None:
    try:
        with connection.transaction():
            connection.execute(
                "select set_config('lock_timeout', %s, true)", [f"{LOCK_WAIT_SECONDS}s"]
            )
            connection.execute(f"select pg_advisory_lock({LOCK})")
    except LockNotAvailable as error:
        raise BusyError(
            f"Another migrate has been running on this database for {LOCK_WAIT_SECONDS} s.",
            "Let it finish. If it hangs, end the session that pg_stat_activity shows as"
            " 'meshqueue migrate'.",
        ) from error


# One step, one transaction ----------------------------------------------------------------


def run(connection: Connection, step: Step, report: Report) -> int:
    began = time.monotonic()
    run_when_unlocked(connection, step, report)
    report(Progress(step.label, step.details, time.monotonic() - began))
    return 1


def run_when_unlocked(connection: Connection, step: Step, report: Report) -> None:
    for left in reversed(range(TRIES)):
        try:
            return run_once(connection, step)
        except (LockNotAvailable, DeadlockDetected) as error:
            if not left:
                raise blocked(step, error) from error
            report(Progress(f"{step.label}: a table is in use, {left} tries left"))
            time.sleep(PAUSE_SECONDS)
    return None


def blocked(step: Step, error: psycopg.Error) -> BusyError:
    return BusyError(
        f"{step.label}: a lock was not to be had in {TRIES} tries of 5 s"
        f" ({error.diag.message_primary}). Nothing of this step was kept.",
        "A long transaction holds it: look for an old xact_start in pg_stat_activity,"
        " end it, then migrate again.",
    )


def run_once(connection: Connection, step: Step) -> None:
    with connection.transaction():
        connection.execute(SETTINGS)
        for statement in step.statements:
            execute(connection, statement, step)


def execute(connection: Connection, statement: Statement, step: Step) -> None:
    try:
        connection.execute(statement.text.encode())
    except (LockNotAvailable, DeadlockDetected):
        raise
    except psycopg.Error as error:
        raise refusal(error, statement, step) from error


def refusal(error: psycopg.Error, statement: Statement, step: Step) -> ApplyError:
    told = [error.diag.message_primary or str(error), error.diag.message_detail]
    place = position(error, statement) or step.label
    return ApplyError(
        f"{place}: {'; '.join(part for part in told if part)}",
        error.diag.message_hint or "Nothing of this step was kept. What ran before stands.",
    )


def position(error: psycopg.Error, statement: Statement) -> str:
    if not statement.source or not error.diag.statement_position:
        return statement.source
    before = statement.text[: int(error.diag.statement_position) - 1]
    return f"{statement.source}, line {before.count(chr(10)) + 1}"
