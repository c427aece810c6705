from collections.abc import Iterator

import pytest

from tests.conformance.receiver import Receiver
from tests.conformance.shelf import Shelf
from worker.simulator import Simulator

AMPLE = 1_000_000


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Time stands still, and neither money nor the rate gets in a test's way unless it asks."""
    with Simulator(seed=1, speed=0.0) as simulator:
        simulator.meshy.account.credits = AMPLE
        simulator.meshy.account.requests_per_second = AMPLE
        simulator.tripo.account.credits = AMPLE
        yield simulator


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as shelf:
        yield shelf
