from pathlib import Path

import pytest

from tests.schema.tree import Tree
from tests.support.database import Database
from worker.schema.platform import ensure_platform


@pytest.fixture
def project(blank_db: Database) -> Database:
    """A database that looks like a new Supabase project, with nothing of ours."""
    ensure_platform(blank_db.url(blank_db.server.superuser))
    return blank_db


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path / "sql")
