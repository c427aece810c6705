from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clients.app import App
from tests.clients.front import Front, serving
from tests.clients.realtime import Realtime
from tests.delivery.house import House
from tests.support.database import Database
from tests.support.postgrest import PostgREST
from tests.support.storage_server import storage_server
from worker.simulator import Simulator

SPEED = 400.0


@pytest.fixture
def app(db: Database, postgrest: PostgREST, tmp_path: Path) -> Iterator[App]:
    objects = tmp_path / "objects"
    objects.mkdir()
    with (
        Simulator(seed=1, speed=SPEED, texture_size=32) as simulator,
        storage_server(db, objects) as storage,
        serving(Front(postgrest.url, storage.url, Realtime(db.connect()))) as front,
    ):
        yield App(House(db, simulator, storage, tmp_path), front)
