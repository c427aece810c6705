"""Runs one step: one transaction, tried again when a table is in use."""

import time

import psycopg
from psycopg.errors import DeadlockDetected, LockNotAvailable

from worker.schema.connection import Connection
from worker.schema.errors import ApplyError, BusyError, explained
from worker.schema.patience import Patience
from worker.schema.progress import Progress, Report
from worker.schema.step import Statement, Step


def run_step(connection: Connection, step: Step, patience: Patience, report: Report) -> int:
    began = time.monotonic()
    run_when_unlocked(connection, step, patience, report)
    report(Progress(step.label, step.details, time.monotonic() - began))
    return 1


def run_when_unlocked(
    connection: Connection, step: Step, patience: Patience, report: Report
) -> None:
    for left in reversed(range(patience.tries)):
        try:
            return run_once(connection, step, patience)
        except (LockNotAvailable, DeadlockDetected) as error:
            if not left:
                raise blocked(step, patience, error) from error
            report(Progress(f"{step.label}: a table is in use, {left} tries left"))
            time.sleep(patience.pause_seconds)
    return None


def run_once(connection: Connection, step: Step, patience: Patience) -> None:
    with connection.transaction():
        for statement in (patience.settings, *step.statements):
            execute(connection, statement, step)


def execute(connection: Connection, statement: Statement, step: Step) -> None:
    try:
        connection.execute(statement.text.encode())
    except (LockNotAvailable, DeadlockDetected):
        raise
    except psycopg.Error as error:
        raise refused(error, statement, step) from error


def blocked(step: Step, patience: Patience, error: psycopg.Error) -> BusyError:
    return BusyError(
        f"{step.label}: a lock was not to be had in {patience.tries} tries of"
        f" {patience.lock_seconds:g} s ({error.diag.message_primary})."
        " Nothing of this step was kept.",
        "A long transaction holds it: look for an old xact_start in pg_stat_activity, end it,"
        " then migrate again.",
    )


def refused(error: psycopg.Error, statement: Statement, step: Step) -> ApplyError:
    return explained(error, place(error, statement) or step.label)


def place(error: psycopg.Error, statement: Statement) -> str:
    if not statement.source or not error.diag.statement_position:
        return statement.source
    before = statement.text[: int(error.diag.statement_position) - 1]
    return f"{statement.source}, line {before.count(chr(10)) + 1}"
