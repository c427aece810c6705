from collections.abc import Iterator

import httpx
import pytest

from worker.simulator import Simulator

PATIENCE = 60.0


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    """Its clock stands still: only the test moves it."""
    with Simulator(speed=0) as running:
        yield running


@pytest.fixture
def meshy(simulator: Simulator) -> Iterator[httpx.Client]:
    with client(simulator.meshy.url, simulator.meshy.key) as connected:
        yield connected


@pytest.fixture
def tripo(simulator: Simulator) -> Iterator[httpx.Client]:
    with client(simulator.tripo.url, simulator.tripo.key) as connected:
        yield connected


def client(url: str, key: str) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=url, headers=headers, timeout=PATIENCE, trust_env=False)
