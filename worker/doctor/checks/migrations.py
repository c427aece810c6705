"""Whether this release and the database belong together."""

from dataclasses import dataclass

import psycopg

from worker.doctor.aside import aside
from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, skipped
from worker.doctor.link import options
from worker.doctor.patience import STATEMENT
from worker.schema.connection import become_postgres
from worker.schema.errors import SchemaError
from worker.schema.history import History, read_history
from worker.schema.pending import pending_steps
from worker.schema.sources import installed_sources

MOST_NAMED = 3
MIGRATE = "Run `meshqueue migrate`."


@dataclass(frozen=True)
class Standing:
    history: History
    pending: tuple[str, ...]


async def applied(examined: Examined) -> Finding:
    try:
        standing = await aside(standing_of, examined.url)
    except SchemaError as error:
        return failing(error.what, error.remedy)
    if not standing.history.migrations:
        return failing("meshqueue was never applied to this database", MIGRATE)
    if standing.pending:
        named = ", ".join(standing.pending[:MOST_NAMED])
        return failing(f"{len(standing.pending)} pending: {named}", MIGRATE)
    return ok(f"up to {standing.history.newest:04}, nothing pending")


def standing_of(url: str) -> Standing:
    with psycopg.connect(url, **options("doctor schema")) as connection:
        connection.execute(f"set statement_timeout = '{STATEMENT}'".encode())
        become_postgres(connection)
        steps = pending_steps(connection, installed_sources())
        return Standing(read_history(connection), tuple(step.label for step in steps))


async def queue_schema(examined: Examined) -> Finding:
    library = installed_sources().queue
    (there,) = await examined.database.ask(
        "select to_regclass('meshqueue.procrastinate_migrations') as table"
    )
    if there["table"] is None:
        return skipped("meshqueue was never applied")
    rows = await examined.database.ask(
        "select name, applied_at is null as held from meshqueue.procrastinate_migrations"
    )
    found = {row["name"] for row in rows}
    if newer := sorted(found.difference(library.names)):
        return failing(
            f"the database has {newer[-1]}, which procrastinate {library.version} does not know",
            "Install the version of procrastinate that requirements.txt names.",
        )
    if missing := sorted(set(library.names) - found):
        return failing(
            f"procrastinate {library.version} brings {missing[0]}, which was not applied",
            MIGRATE,
        )
    held = sum(row["held"] for row in rows)
    return ok(f"procrastinate {library.version}" + (f", {held} held back" if held else ""))


CHECKS = (
    Check("schema", "migrations", applied, needs=("connection",)),
    Check("schema", "queue's schema", queue_schema, needs=("connection",)),
)
