from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.storage.fast import FAST
from tests.support.database import fresh_database
from tests.support.project import token
from tests.support.servers import Postgres
from tests.support.storage_server import StorageServer, storage_server
from worker.storage.folder import FolderStorage
from worker.storage.supabase import SupabaseStorage

BASE_URL = "http://127.0.0.1:8080"


@pytest.fixture(scope="module")
def platform(
    server: Postgres, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StorageServer]:
    """One for all tests of a file: each brings users and keys of its own."""
    folder = tmp_path_factory.mktemp("objects")
    with fresh_database(server, template) as db, storage_server(db, folder) as running:
        yield running


@pytest.fixture
async def supabase(platform: StorageServer) -> AsyncIterator[SupabaseStorage]:
    platform.faults.clear()
    storage = SupabaseStorage(platform.url, token("service_role"), FAST)
    yield storage
    await storage.close()


@pytest.fixture
def folder(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path / "storage", BASE_URL)
