from collections.abc import Iterator

import pytest

from tests.conformance.meshy.api import Meshy
from worker.simulator import Simulator


@pytest.fixture
def meshy(simulator: Simulator) -> Iterator[Meshy]:
    meshy = Meshy(simulator, simulator.meshy.key)
    with meshy.http:
        yield meshy
