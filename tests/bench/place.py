"""An embedded Postgres with default durability, and databases on it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg

from worker.embedded.binaries import default_binaries
from worker.embedded.running import running
from worker.embedded.server import SUPERUSER, Server
from worker.schema.migrate import migrate

SQL = Path(__file__).parent


@dataclass(frozen=True)
class Place:
    server: Server
    programs: Path

    def new_database(self, name: str) -> "Database":
        with psycopg.connect(self.server.url(SUPERUSER), autocommit=True) as admin:
            admin.execute(f"create database {name}".encode())
        database = Database(self, name)
        migrate(database.url(SUPERUSER))
        return database


@dataclass(frozen=True)
class Database:
    place: Place
    name: str

    def url(self, role: str = "postgres") -> str:
        return self.place.server.url(role, self.name)

    def run_file(self, name: str, **numbers: int) -> None:
        """As superuser: some of what a bench prepares goes around the triggers."""
        with psycopg.connect(self.url(SUPERUSER), autocommit=True) as connection:
            text = (SQL / name).read_text()
            connection.execute((text % numbers if numbers else text).encode())

    def execute(self, query: str, *values: object) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(query.encode(), values)


@contextmanager
def bench_place() -> Iterator[Place]:
    """The first binaries found: those of the wheel."""
    with TemporaryDirectory(prefix="meshqueue-bench-") as folder:
        Path(folder).chmod(0o711)  # the server may run as another account
        with running(Path(folder) / "postgres") as server:
            yield Place(server, default_binaries().folder)
