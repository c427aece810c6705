import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.operating.commands import Commands
from tests.support.cache import servers_folder
from tests.support.database import Database
from worker.operating.desk import Connection, connected


@pytest.fixture
def desk(db: Database) -> Iterator[Connection]:
    """An operator's connection to the test's database."""
    with connected(db.url()) as connection:
        yield connection


@pytest.fixture
def ops(db: Database, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """The commands, pointed at the test's database."""
    monkeypatch.setenv("DATABASE_URL", db.url())
    return Commands()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter; pytest's own is closed to all but the tester."""
    with tempfile.TemporaryDirectory(dir=servers_folder()) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
