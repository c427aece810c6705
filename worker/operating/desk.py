"""One connection, from which an operator looks and acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.errors import (
    InsufficientPrivilege,
    InvalidSchemaName,
    LockNotAvailable,
    QueryCanceled,
    UndefinedColumn,
    UndefinedFunction,
    UndefinedTable,
)
from psycopg.rows import DictRow, dict_row

from worker.daemon.reach import explain
from worker.database.connection import connect_options
from worker.embedded import running, stands
from worker.operating.errors import OperatingError
from worker.operating.queries import query
from worker.settings import Settings, require_database_url

STATEMENT_TIMEOUT = 15.0  # s
LOCK_TIMEOUT = 5.0  # s
# Nobody who walks away from a question keeps other sessions waiting.
IDLE_TIMEOUT = 60.0  # s within a transaction

Connection = psycopg.Connection[DictRow]
Row = dict[str, Any]

MIGRATE = "Run `meshqueue migrate` first (with --local for the one on this machine)."
# The first that fits counts: both of the first two are OperationalErrors too.
WORDINGS: tuple[tuple[type[psycopg.Error] | tuple[type[psycopg.Error], ...], str], ...] = (
    (
        QueryCanceled,
        "the database took too long ({}). Ask for less: --limit, --since, --user.",
    ),
    (
        LockNotAvailable,
        "somebody else works on the same rows ({}). Try again in a moment.",
    ),
    (
        InsufficientPrivilege,
        "{}. DATABASE_URL must name the role that owns meshqueue: postgres.",
    ),
    (
        (InvalidSchemaName, UndefinedColumn, UndefinedFunction, UndefinedTable),
        f"this database has an older meshqueue ({{}}). {MIGRATE}",
    ),
    (
        psycopg.OperationalError,
        "the database went away ({}). Look before you repeat what changes something.",
    ),
)


@contextmanager
def address(settings: Settings, *, local: bool) -> Iterator[str]:
    """With `local`, a server that runs is joined; one that does not is started and stopped."""
    if not (local or settings.local):
        yield require_database_url(settings)
        return
    if not stands(settings.local_postgres):
        raise OperatingError(
            f"there is no local database in {settings.local_postgres} yet. `meshqueue run --local` "
            "or `meshqueue make` makes one; MESHQUEUE_HOME says where."
        )
    with running(settings.local_postgres) as server:
        yield server.url()


@contextmanager
def desk(settings: Settings, *, local: bool = False) -> Iterator[Connection]:
    with address(settings, local=local) as url, connected(url) as connection:
        yield connection


@contextmanager
def connected(url: str, *, patience: float = STATEMENT_TIMEOUT) -> Iterator[Connection]:
    connection = connect(url)
    with told(), connection:
        set_up(connection, patience)
        require_migrated(connection)
        yield connection


def connect(url: str) -> Connection:
    options = connect_options("operator")
    try:
        return psycopg.connect(url, row_factory=dict_row, **options)
    except psycopg.OperationalError as error:
        raise OperatingError(explain(url, str(error).strip())) from None


def set_up(connection: Connection, patience: float) -> None:
    """By statements: a pooler passes no options of the connection on."""
    limits = {
        "statement_timeout": patience,
        "lock_timeout": LOCK_TIMEOUT,
        "idle_in_transaction_session_timeout": IDLE_TIMEOUT,
    }
    for name, seconds in limits.items():
        connection.execute("select set_config(%s, %s, false)", [name, f"{seconds * 1000:.0f}ms"])
    connection.execute("set timezone = 'UTC'")


def require_migrated(connection: Connection) -> None:
    row = connection.execute("select to_regprocedure('meshqueue.health()') as found").fetchone()
    if row is None or row["found"] is None:
        raise OperatingError(f"this database has no meshqueue in it, or an older one. {MIGRATE}")


@contextmanager
def told() -> Iterator[None]:
    """What the database says, in words that help."""
    try:
        yield
    except psycopg.Error as error:
        raise OperatingError(wording(error)) from error


def wording(error: psycopg.Error) -> str:
    said = error.diag.message_primary or str(error).strip()
    hint = error.diag.message_hint or ""
    if (error.diag.sqlstate or "").startswith("PT"):
        return f"{said}. {hint}".strip()
    for kinds, text in WORDINGS:
        if isinstance(error, kinds):
            return text.format(said)
    return f"the database refused: {said}. {hint}".strip()


def rows(connection: Connection, name: str, **values: object) -> list[Row]:
    return connection.execute(query(name), values).fetchall()


def document(connection: Connection, name: str, **values: object) -> Row:
    """The only column of the only row, a JSON object."""
    row = connection.execute(query(name), values).fetchone()
    assert row is not None  # noqa: S101 - an object is built whatever it is about
    (found,) = row.values()
    return dict(found)
