from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.doctor.place import Place
from tests.support.database import Database, fresh_database
from tests.support.jobs import new_worker, rich_user
from tests.support.servers import Postgres
from tests.support.storage_server import storage_server
from worker.doctor.expected import Catalog, read_catalog_now
from worker.simulator import Simulator


@pytest.fixture(scope="session")
def expected(server: Postgres, template: str) -> Catalog:
    """What this server makes of the migrations as they are now."""
    with fresh_database(server, template) as db:
        return read_catalog_now(db.url())


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=100) as running:
        yield running


@pytest.fixture
def place(db: Database, simulator: Simulator, expected: Catalog, tmp_path: Path) -> Iterator[Place]:
    """Migrated, with a worker alive, a user who has credits, a storage and two accounts."""
    new_worker(db)
    rich_user(db)
    simulator.forget_rules()
    with storage_server(db, tmp_path) as storage:
        yield Place(db, storage, simulator, expected)
