"""What a database still lacks, as steps in the order in which they have to run.

The steps are made one by one while the caller runs them: which function files have to go with a
changed one is only known once the migrations before them have run.
"""

from collections.abc import Iterator

from worker.schema.connection import Connection
from worker.schema.errors import HistoryError
from worker.schema.functions import apply_functions, changes, stale_paths
from worker.schema.history import (
    Applied,
    History,
    queue_step,
    read_function_checksums,
    read_history,
    read_with_dependants,
)
from worker.schema.queue import create_queue, hold_back, upgrade_queue
from worker.schema.sources import Migration, Sources
from worker.schema.step import RELOAD_API, Statement, Step, call


def pending_steps(connection: Connection, sources: Sources) -> Iterator[Step]:
    history = read_history(connection)
    refuse_strange_history(history, sources)
    bookkeeping, *others = sources.migrations
    yield from migration_steps([bookkeeping], history, sources)
    yield from queue_steps(connection, history, sources)
    yield from migration_steps(others, history, sources)
    yield from function_steps(connection, sources)


def migration_steps(
    migrations: list[Migration], history: History, sources: Sources
) -> Iterator[Step]:
    for migration in migrations:
        if migration.version not in history.migrations:
            yield apply_migration(migration, sources.release)


def apply_migration(migration: Migration, release: str) -> Step:
    record = call(
        "record_migration", migration.version, migration.name, migration.file.checksum, release
    )
    text = Statement(migration.file.text, source=f"sql/{migration.file.path}")
    return Step(f"migration {migration.name}", (text, record, RELOAD_API))


def queue_steps(connection: Connection, history: History, sources: Sources) -> Iterator[Step]:
    if not history.queue_names:
        yield create_queue(sources.queue, sources.release)
        return
    for migration in sources.queue.migrations:
        match queue_step(connection, migration.path, sources.release):
            case "apply":
                yield upgrade_queue(migration, sources.queue, sources.release)
            case "hold":
                yield hold_back(migration, sources.queue, sources.release)


def function_steps(connection: Connection, sources: Sources) -> Iterator[Step]:
    recorded = read_function_checksums(connection)
    stale = stale_paths(sources.functions, recorded)
    change = changes(sources.functions, recorded, read_with_dependants(connection, stale))
    if change:
        yield apply_functions(change)


# What the database remembers has to be what the files say ---------------------------------


def refuse_strange_history(history: History, sources: Sources) -> None:
    refuse_strange_schemas(history)
    for applied in sorted(history.migrations.values(), key=lambda applied: applied.version):
        refuse_unknown(applied, sources)
        refuse_edited(applied, sources.migrations[applied.version - 1])
    refuse_holes(history, sources)
    refuse_older_queue(history, sources)


def refuse_strange_schemas(history: History) -> None:
    if history.schema_exists and not history.migrations:
        raise HistoryError(
            "The database has a schema meshqueue that records no migration.",
            "It was not made by migrate. Rename it, or drop it where nothing of worth is in it.",
        )
    if history.queue_exists and not history.queue_names:
        raise HistoryError(
            "The database has a schema procrastinate that meshqueue did not make.",
            "Rename it: meshqueue keeps its own queue under that name.",
        )


def refuse_unknown(applied: Applied, sources: Sources) -> None:
    if applied.version > sources.newest:
        raise HistoryError(
            f"The database has migration {applied.name}, applied by release {applied.release};"
            f" this is release {sources.release} and does not have it.",
            f"Install release {applied.release} or a newer one: migrations only go forward.",
        )


def refuse_edited(applied: Applied, migration: Migration) -> None:
    if applied.name != migration.name:
        raise HistoryError(
            f"Migration {applied.version:04} was applied under the name {applied.name};"
            f" the file is now called sql/{migration.file.path}.",
            "Give the file its old name back.",
        )
    if applied.checksum != migration.file.checksum:
        raise HistoryError(
            f"sql/{migration.file.path} was edited after it was applied"
            f" ({applied.applied_at:%Y-%m-%d} by release {applied.release}): its checksum was"
            f" {applied.checksum[:12]}… and is now {migration.file.checksum[:12]}….",
            "Restore the file and put the change into a new migration with the next number.",
        )


def refuse_holes(history: History, sources: Sources) -> None:
    for migration in sources.migrations[: history.newest]:
        if migration.version not in history.migrations:
            raise HistoryError(
                f"sql/{migration.file.path} was never applied, but a later one was"
                f" ({history.migrations[history.newest].name}).",
                "Give it the next free number: the order of migrations is the same everywhere.",
            )


def refuse_older_queue(history: History, sources: Sources) -> None:
    unknown = sorted(history.queue_names.difference(sources.queue.names))
    if unknown:
        raise HistoryError(
            f"The database has procrastinate's migration {unknown[-1]}, which the installed"
            f" procrastinate {sources.queue.version} does not know.",
            "Install a newer procrastinate, as this release's lock file names it.",
        )
