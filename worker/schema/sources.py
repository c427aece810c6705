"""Everything that a release applies, read from its files."""

import re
from dataclasses import dataclass
from pathlib import Path

from worker import __version__
from worker.schema.errors import SourceError
from worker.schema.queue import QueueSchema, installed_queue
from worker.schema.sqlfile import SqlFile, read_sql

FUNCTION_FOLDERS = ("engine", "api", "policies")
PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Migration:
    version: int
    file: SqlFile

    @property
    def name(self) -> str:
        return Path(self.file.path).stem


@dataclass(frozen=True)
class Sources:
    release: str
    migrations: tuple[Migration, ...]
    functions: tuple[SqlFile, ...]
    queue: QueueSchema

    @property
    def newest(self) -> int:
        return len(self.migrations)


def installed_sources() -> Sources:
    return load_sources(sql_folder())


def load_sources(
    sql: Path, *, queue: QueueSchema | None = None, release: str | None = None
) -> Sources:
    return Sources(
        release=release or __version__,
        migrations=load_migrations(sql),
        functions=load_functions(sql / "functions"),
        queue=queue or installed_queue(),
    )


def sql_folder() -> Path:
    """A wheel carries `sql/` inside the package; a checkout has it beside."""
    packaged = PACKAGE / "_sql"
    return packaged if packaged.is_dir() else PACKAGE.parent / "sql"


def load_migrations(sql: Path) -> tuple[Migration, ...]:
    migrations = [read_migration(file, sql) for file in sorted((sql / "migrations").glob("*.sql"))]
    for expected, migration in enumerate(migrations, start=1):
        refuse_wrong_number(migration, expected)
    return tuple(migrations)


def read_migration(file: Path, sql: Path) -> Migration:
    number = re.fullmatch(r"(\d{4})_[a-z0-9_]+\.sql", file.name)
    if not number:
        raise SourceError(
            f"sql/migrations/{file.name} is not named like 0001_bookkeeping.sql.",
            "Give it the next number, four digits, and a name in lower case.",
        )
    return Migration(int(number[1]), read_sql(file, sql))


def refuse_wrong_number(migration: Migration, expected: int) -> None:
    if migration.version < expected:
        raise SourceError(
            f"sql/{migration.file.path}: the number {migration.version:04} is taken twice.",
            "Give the newer of the two the next free number.",
        )
    if migration.version > expected:
        raise SourceError(
            f"sql/{migration.file.path}: there is no migration {expected:04} before it.",
            "Restore the missing file; a migration that was published stays.",
        )


def load_functions(folder: Path) -> tuple[SqlFile, ...]:
    return tuple(
        read_sql(file, folder)
        for subfolder in FUNCTION_FOLDERS
        for file in sorted((folder / subfolder).rglob("*.sql"))
    )
