"""What a provider says of its own finished work, when it does not say what it should."""

from typing import Any

import pytest

from worker.pipeline.delivery import links
from worker.pipeline.delivery.ending import GiveUp, Later
from worker.pipeline.delivery.links import look_at_all
from worker.providers.failure import Failure, Kind
from worker.providers.order import Task
from worker.providers.outcome import Failed, Link, Output, State, Succeeded, Unseen, Working

OUTPUT = Output((Link("model", "glb", "https://cdn.example/model.glb"),))
GONE = Failed(Failure(Kind.NOT_FOUND, "no such task"))
TASK = Task("text-to-3d", "1")


class Lookups:
    """A provider that answers as it is written down."""

    def __init__(self, *states: State) -> None:
        self._states = list(states)

    async def look(self, task: Task) -> State:
        assert task == TASK
        return self._states.pop(0)


async def outputs(*states: State) -> Any:
    return await look_at_all(Lookups(*states), (TASK,))  # type: ignore[arg-type]  # it looks


@pytest.fixture(autouse=True)
def haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "NOT_FOUND_TWICE_WITHIN", 0.0)


async def test_one_404_ends_nothing_that_is_paid_for() -> None:
    """A gateway's, or a replica's that lags."""
    assert await outputs(GONE, Succeeded(OUTPUT)) == [OUTPUT]
    assert isinstance(await outputs(GONE, Unseen(Failure(Kind.UNAVAILABLE, "503"))), Later)


async def test_what_is_not_found_twice_is_gone() -> None:
    """The provider has forgotten it: the job fails, and says so."""
    gives_up = await outputs(GONE, GONE)
    assert isinstance(gives_up, GiveUp)
    assert gives_up.failure.kind is Kind.NOT_FOUND


async def test_a_provider_that_lags_behind_itself_is_asked_later() -> None:
    """It said once that the task had succeeded."""
    assert isinstance(await outputs(Working(99)), Later)
