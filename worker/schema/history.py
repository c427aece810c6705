"""What the database says was applied."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from psycopg.rows import class_row, scalar_row

from worker.schema.connection import Connection


@dataclass(frozen=True)
class Applied:
    version: int
    name: str
    checksum: str
    release: str
    applied_at: datetime


@dataclass(frozen=True)
class History:
    migrations: Mapping[int, Applied]
    queue_names: frozenset[str]
    queue_exists: bool
    schema_exists: bool

    @property
    def newest(self) -> int:
        return max(self.migrations, default=0)


def read_history(connection: Connection) -> History:
    begun = exists(connection, "to_regclass('meshqueue.migrations')")
    return History(
        migrations=read_migrations(connection) if begun else {},
        queue_names=read_queue_names(connection) if begun else frozenset(),
        queue_exists=exists(connection, "to_regnamespace('procrastinate')"),
        schema_exists=exists(connection, "to_regnamespace('meshqueue')"),
    )


def read_migrations(connection: Connection) -> dict[int, Applied]:
    with connection.cursor(row_factory=class_row(Applied)) as cursor:
        rows = cursor.execute("select * from meshqueue.migrations")
        return {applied.version: applied for applied in rows}


def read_queue_names(connection: Connection) -> frozenset[str]:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return frozenset(cursor.execute("select name from meshqueue.procrastinate_migrations"))


def queue_step(connection: Connection, name: str, release: str) -> str:
    with connection.cursor(row_factory=scalar_row) as cursor:
        answer = cursor.execute("select meshqueue.procrastinate_step(%s, %s)", [name, release])
        return str(answer.fetchone())


def read_function_checksums(connection: Connection) -> dict[str, str]:
    if not exists(connection, "to_regclass('meshqueue.function_files')"):
        return {}
    return dict(connection.execute("select path, checksum from meshqueue.function_files"))


def read_with_dependants(connection: Connection, files: list[str]) -> list[str]:
    if not files:
        return []
    with connection.cursor(row_factory=scalar_row) as cursor:
        found = cursor.execute("select meshqueue.with_dependants(%s)", [files]).fetchone()
        return list(found or [])


def exists(connection: Connection, name: LiteralString) -> bool:
    with connection.cursor(row_factory=scalar_row) as cursor:
        return bool(cursor.execute(f"select {name} is not null").fetchone())
