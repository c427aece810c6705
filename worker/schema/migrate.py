"""Runs what is pending, or says what it would be."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from worker.schema.connection import Connection, become_postgres, connected
from worker.schema.errors import explained
from worker.schema.history import read_function_checksums, read_history
from worker.schema.patience import PATIENT, Patience
from worker.schema.pending import pending_steps
from worker.schema.platform import Platform, ensure_platform_on, read_platform
from worker.schema.progress import Progress, Report, silent
from worker.schema.run import run_step
from worker.schema.sources import Sources, installed_sources
from worker.schema.step import Step
from worker.schema.turn import our_turn


def migrate(
    url: str,
    *,
    report: Report = silent,
    sources: Sources | None = None,
    patience: Patience = PATIENT,
) -> int:
    """Answer with the number of steps that ran."""
    wanted = sources or installed_sources()
    with explained_errors(), connected(url) as connection:
        prepare_platform(connection, report)
        become_postgres(connection)
        with our_turn(connection, patience, report):
            report(Progress(f"stands already: {standing(connection)}"))
            steps = pending_steps(connection, wanted)
            return sum(run_step(connection, step, patience, report) for step in steps)


def check(url: str, *, sources: Sources | None = None) -> list[Step]:
    """What `migrate` would run; changes nothing."""
    wanted = sources or installed_sources()
    with explained_errors(), connected(url) as connection:
        become_postgres(connection)
        return [*missing_platform(connection), *pending_steps(connection, wanted)]


def missing_platform(connection: Connection) -> list[Step]:
    missing = read_platform(connection) is Platform.MISSING
    return [Step("platform: what a Supabase project has", ())] if missing else []


def prepare_platform(connection: Connection, report: Report) -> None:
    began = time.monotonic()
    if ensure_platform_on(connection):
        made = "platform: a plain Postgres now looks like a Supabase project"
        report(Progress(made, seconds=time.monotonic() - began))


def standing(connection: Connection) -> str:
    history = read_history(connection)
    if not history.migrations:
        return "nothing"
    files = read_function_checksums(connection)
    return f"migrations 0001 to {history.newest:04}, {len(files)} function files"


@contextmanager
def explained_errors() -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        raise explained(error, "the database") from error
