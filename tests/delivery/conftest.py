from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.delivery.haste import hurry
from tests.delivery.house import House
from tests.support.database import Database
from tests.support.storage_server import storage_server
from worker.simulator import Simulator

SPEED = 400.0


@pytest.fixture
def house(db: Database, tmp_path: Path) -> Iterator[House]:
    objects = tmp_path / "objects"
    objects.mkdir()
    with (
        Simulator(seed=1, speed=SPEED, texture_size=32) as simulator,
        storage_server(db, objects) as storage,
    ):
        yield House(db, simulator, storage, tmp_path)


@pytest.fixture
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in production waits little."""
    hurry(monkeypatch)
