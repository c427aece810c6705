"""What a provider says of its own finished work, when it does not say what it should."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from tests.providers.orders import PREVIEWED
from tests.providers.test_client import provided, saying
from worker.database.records import Run
from worker.pipeline.delivery import links
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.ending import LAST_CALL, GiveUp, Later
from worker.pipeline.delivery.links import LAGS_AT_MOST, Links, fresh_links, look_at_all
from worker.pipeline.held import Served
from worker.providers import PROVIDERS
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


def delivery(provider: str, left: timedelta = timedelta(days=1)) -> Run:
    """Of a job whose only stage has ended, and that may take so much longer."""
    return Run(
        *(1, 1, 0, uuid4(), uuid4(), None, None),
        provider=provider,
        stage="DELIVER",
        stages=("PREVIEW", "DELIVER"),
        kind="text",
        request={},
        draining=False,
        submission=None,
        tasks=(),
        finished={"PREVIEW": {"tasks": [{"resource": "text-to-3d", "id": PREVIEWED.id}]}},
        other_keys=frozenset(),
        settings={},
        deadline_at=datetime.now(UTC) + left,
    )


async def links_for(run: Run, status: int, body: Any) -> Links | Later | GiveUp:
    """From a provider on loopback that answers so."""
    async with provided(saying(status, body), run.provider) as (provider, _):
        served = {run.provider: Served(provider, "key")}
        return await fresh_links(Depot(None, served, None, None, None), run)  # type: ignore[arg-type]  # it only looks


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


PAGE = b"<html>an incident page</html>"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 421, 502])
async def test_a_page_ends_nothing_that_is_paid_for(status: int, provider: str) -> None:
    """Somebody between us and the provider says it: the files lie there for days."""
    later = await links_for(delivery(provider), status, PAGE)
    assert isinstance(later, Later)


SUCCEEDED = {"id": PREVIEWED.id, "status": "SUCCEEDED", "progress": 100}


async def test_a_success_without_its_model_is_asked_for_again() -> None:
    """A replica that lags shows the status first."""
    later = await links_for(delivery("MESHY"), 200, SUCCEEDED)
    assert isinstance(later, Later)
    model = {"glb": "https://cdn.example/model.glb"}
    after_an_outage = replace(delivery("MESHY"), attempt=100)
    assert isinstance(await links_for(after_an_outage, 200, SUCCEEDED), Later)
    found = await links_for(delivery("MESHY"), 200, {**SUCCEEDED, "model_urls": model})
    assert isinstance(found, Links)


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(delivery("MESHY", LAST_CALL / 2), id="shortly before the deadline"),
        pytest.param(replace(delivery("MESHY"), retries=LAGS_AT_MOST), id="after many tries"),
    ],
)
async def test_a_success_that_never_shows_its_model_has_none(run: Run) -> None:
    """The job ends for that reason, and its credits come back."""
    gives_up = await links_for(run, 200, SUCCEEDED)
    assert isinstance(gives_up, GiveUp)
    assert "no GLB" in gives_up.failure.detail
