"""A small folder of SQL files that a test may edit as a developer would."""

import shutil
from pathlib import Path

from tests.support.database import Database
from worker.schema.migrate import migrate
from worker.schema.progress import Report, silent
from worker.schema.queue import QueueSchema, installed_queue
from worker.schema.snapshot import Snapshot, snapshot
from worker.schema.sources import Sources, load_sources, sql_folder

FUNCTION = "create function {}({}) returns {} language sql set search_path = '' as $body${}$body$;"


class Tree:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.release = "1.0.0"
        self.queue: QueueSchema = installed_queue()
        (root / "migrations").mkdir(parents=True)
        shutil.copy(sql_folder() / "migrations" / "0001_bookkeeping.sql", root / "migrations")

    def migration(self, name: str, text: str) -> Path:
        return self._write(f"migrations/{name}.sql", text)

    def function(self, path: str, text: str) -> Path:
        return self._write(f"functions/{path}.sql", text)

    def sources(self) -> Sources:
        return load_sources(self.root, queue=self.queue, release=self.release)

    def _write(self, path: str, text: str) -> Path:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def applied_to(self, project: Database, report: Report = silent) -> int:
        return migrate(project.url(), sources=self.sources(), report=report)


def function(name: str, body: str, arguments: str = "", returns: str = "int") -> str:
    return FUNCTION.format(name, arguments, returns, body)


def catalog(project: Database) -> Snapshot:
    """Everything that stands, and what the bookkeeping says of it."""
    session = project.postgres()
    records = {
        table: {str(row): "" for row in session.rows(f"select * from meshqueue.{table}")}
        for table in ("function_files", "function_objects")
    }
    records["migrations"] = {
        str(row): ""
        for row in session.rows("select version, name, checksum, release from meshqueue.migrations")
    }
    return {**snapshot(session.connection), **records}
