from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest

from tests.clients.front import serving
from tests.clients.realtime import Realtime
from tests.delivery.house import House
from tests.smoke.auth import Auth
from tests.smoke.place import EMAIL, Place, WholeFront
from tests.support.database import Database
from tests.support.jobs import rich_user
from tests.support.postgrest import PostgREST
from tests.support.storage_server import storage_server
from worker.simulator import Simulator

SPEED = 400.0


@pytest.fixture
def place(db: Database, postgrest: PostgREST, tmp_path: Path) -> Iterator[Place]:
    objects, folder = tmp_path / "objects", tmp_path / "folder"
    objects.mkdir()
    folder.mkdir()
    auth = Auth(db)
    with (
        Simulator(seed=1, speed=SPEED, texture_size=32) as simulator,
        storage_server(db, objects) as storage,
        serving(WholeFront(postgrest.url, storage.url, Realtime(db.connect()), auth=auth)) as front,
    ):
        assert isinstance(front, WholeFront)
        yield Place(House(db, simulator, storage, tmp_path), front, auth, folder)


@pytest.fixture
def user(db: Database) -> UUID:
    """Somebody with an e-mail address and 100 credits."""
    user_id = rich_user(db, 100)
    db.admin.execute("update auth.users set email = %s where id = %s", EMAIL, user_id)
    return user_id
