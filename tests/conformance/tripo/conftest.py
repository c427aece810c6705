from collections.abc import Iterator

import pytest

from tests.conformance.tripo.api import Tripo
from worker.simulator import Simulator


@pytest.fixture
def tripo(simulator: Simulator) -> Iterator[Tripo]:
    tripo = Tripo(simulator, simulator.tripo.key)
    with tripo.http:
        yield tripo
