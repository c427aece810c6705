from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.schema.tree import Tree
from tests.support.database import Database, fresh_database
from tests.support.servers import Postgres
from worker.schema.platform import ensure_platform


@pytest.fixture
def project(blank_db: Database) -> Database:
    """A database that looks like a new Supabase project, with nothing of ours."""
    return made_project(blank_db)


@pytest.fixture
def twin(server: Postgres) -> Iterator[Database]:
    """A second new project, to compare with the first."""
    with fresh_database(server, "template0") as blank:
        yield made_project(blank)


@pytest.fixture
def older_project(server: Postgres) -> Iterator[Database]:
    """A project from the time when new tables were exposed by default."""
    with fresh_database(server, "template0") as blank:
        yield made_project(blank, auto_expose=True)


def made_project(blank: Database, *, auto_expose: bool = False) -> Database:
    ensure_platform(blank.url(blank.server.superuser), auto_expose=auto_expose)
    return blank


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "sql")
