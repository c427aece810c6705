"""procrastinate's own schema and migrations, as the installed package brings them."""

import re
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from procrastinate.schema import SchemaManager

from worker.schema.sqlfile import SqlFile, read_sql
from worker.schema.step import SEARCH_NOTHING, Statement, Step, call, quoted

# The newest one in the schema that the first release of meshqueue applied.
FIRST_BASELINE = "03.04.00_50_post_add_retry_failed_job_procedure.sql"
MIGRATION_NAME = re.compile(r"\d\d\.\d\d\.\d\d_\d\d_\w+\.sql")
SEARCH_PROCRASTINATE = Statement("set local search_path = procrastinate, pg_temp;")
SEAL = call("seal_procrastinate")


@dataclass(frozen=True)
class QueueSchema:
    version: str
    schema: str
    migrations: tuple[SqlFile, ...]

    @property
    def names(self) -> list[str]:
        return [migration.path for migration in self.migrations]


def installed_queue() -> QueueSchema:
    return QueueSchema(
        version=version("procrastinate"),
        schema=SchemaManager.get_schema(),
        migrations=queue_migrations(Path(SchemaManager.get_migrations_path())),
    )


def queue_migrations(folder: Path) -> tuple[SqlFile, ...]:
    names = sorted(file for file in folder.iterdir() if MIGRATION_NAME.fullmatch(file.name))
    return tuple(read_sql(file, folder) for file in names)


def create_queue(queue: QueueSchema, release: str) -> Step:
    return Step(
        f"procrastinate {queue.version}",
        (
            Statement("create schema procrastinate;"),
            SEARCH_PROCRASTINATE,
            Statement(queue.schema, source="procrastinate's schema.sql"),
            SEARCH_NOTHING,
            call("record_procrastinate", queue.names, queue.version, release),
            SEAL,
        ),
    )


def upgrade_queue(migration: SqlFile, queue: QueueSchema, release: str) -> Step:
    return Step(
        f"procrastinate migration {migration.path}",
        (
            SEARCH_PROCRASTINATE,
            Statement(migration.text, source=f"procrastinate's {migration.path}"),
            SEARCH_NOTHING,
            call("record_procrastinate", [migration.path], queue.version, release),
            SEAL,
        ),
    )


def hold_back(migration: SqlFile, queue: QueueSchema, release: str) -> Step:
    return Step(
        f"procrastinate migration {migration.path} (held back for the next release)",
        (call("hold_procrastinate", migration.path, queue.version, release),),
    )


def upgrade_queue_if_due(migration: SqlFile, queue: QueueSchema, release: str) -> Step:
    """For a bundle, which can't ask the database before it is written."""
    upgrade = upgrade_queue(migration, queue, release)
    body = f"""
declare
  step text := meshqueue.procrastinate_step({quoted(migration.path)}, {quoted(release)});
begin
  if step = 'apply' then
{as_executes(upgrade)}
  elsif step = 'hold' then
{as_executes(hold_back(migration, queue, release))}
  end if;
end
"""
    return Step(upgrade.label, (Statement(f"do {quoted(body)};"),))


def as_executes(step: Step) -> str:
    return "\n".join(f"    execute {quoted(statement.text)};" for statement in step.statements)
