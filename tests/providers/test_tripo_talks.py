"""Cancel, search and balance at Tripo, without I/O."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.providers.orders import GENERATE, PREVIEW, REMESH, answer, converse
from worker.providers.call import NoAnswer, Reply
from worker.providers.failure import Failure, Kind
from worker.providers.order import Order, Step, Task
from worker.providers.outcome import Balance, Listing, NotStopped, Ready
from worker.providers.tripo import Tripo

SINCE = datetime(2026, 11, 1, tzinfo=UTC)
LOST = NoAnswer(sent=True, reason="ReadTimeout")
TOKEN = answer(200, {"code": 0, "data": {"file_token": "file_1"}})


def test_there_is_no_cancel() -> None:
    """A task is watched to its end."""
    assert converse(Tripo().cancel(Task("rig", "x"))) == ([], NotStopped())


def step_of(order: Order, *replies: Reply) -> Step:
    _, outcome = converse(Tripo().prepare(order, ()), *replies)
    assert isinstance(outcome, Ready)
    return outcome.step


def row(number: int, seconds: float, type_: str = "text_to_model") -> dict[str, Any]:
    made = (SINCE + timedelta(seconds=seconds)).isoformat()
    return {"task_id": f"task-{number}", "type": type_, "status": "queued", "created_at": made}


def usage(*rows: Any) -> Reply:
    return answer(200, {"code": 0, "data": list(rows)})


def inputs(**shown: Any) -> Reply:
    tasks = {
        name.replace("_", "-"): {"task_id": name.replace("_", "-"), "input": given}
        for name, given in shown.items()
    }
    return answer(200, {"code": 0, "data": {"tasks": tasks, "missed": []}})


def search(step: Step, *replies: Reply) -> Listing:
    _, outcome = converse(Tripo().search(step, SINCE), *replies)
    assert isinstance(outcome, Listing)
    return outcome


def ours(listing: Listing) -> list[str]:
    return [each.task.id for each in listing.sightings if each.is_ours]


def test_lost_preview_is_known_by_its_input() -> None:
    """Usage names the candidates, each task its input."""
    listing = search(
        step_of(PREVIEW),
        usage(row(1, 9), row(2, 8), row(3, 8, "image_to_model"), row(4, 8, "new"), row(5, -999)),
        inputs(
            task_1={"prompt": "a cyberpunk katana", "model": "v3.1-20260211", "texture": False},
            task_2={"prompt": "another", "model": "v3.1-20260211"},
            task_4={},
        ),
    )
    assert listing.complete
    assert [each.task.id for each in listing.sightings] == ["task-1", "task-2", "task-4"]
    assert ours(listing) == ["task-1"]


def test_lost_picture_is_known_by_its_token() -> None:
    """A file's token is new with each upload."""
    listing = search(
        step_of(GENERATE, TOKEN),
        usage(
            row(1, 9, "image_to_model"), row(2, 8, "image_to_model"), row(3, 8, "image_to_model")
        ),
        usage(),
        inputs(
            task_1={"input": "file_1", "texture": True},
            task_2={"input": "file_2", "texture": True},
            task_3={"texture": True, "pbr": False, "model": "v3.1-20260211"},
        ),
    )
    assert ours(listing) == ["task-1"]


def test_lost_convert_is_known_by_source_and_format() -> None:
    """The same source in another format is another task."""
    step = step_of(replace(REMESH, source=Task("texture", "source")))
    listing = search(
        step,
        usage(row(1, 9, "convert_model"), row(2, 8, "convert_model"), row(3, 8, "convert_model")),
        usage(),
        inputs(
            task_1={"input": "source", "format": "GLTF", "face_limit": 3500},
            task_2={"input": "source", "format": "FBX", "face_limit": 3500},
            task_3={"original_model_task_id": "source", "format": "GLTF", "face_limit": 100},
        ),
    )
    assert ours(listing) == ["task-1"]


def test_nothing_to_compare_asks_nothing() -> None:
    """Without candidates the usage alone is the answer."""
    listing = search(step_of(PREVIEW), usage(row(5, -999)))
    assert listing.complete
    assert not listing.sightings


def test_pages_are_read_until_they_reach_back() -> None:
    """Full pages go on; a sorted page that reaches back ends the search."""
    first = [row(n, 900 - n) for n in range(200)]
    second = [row(n + 200, -900 - n) for n in range(200)]
    step = step_of(PREVIEW)
    listing = search(step, usage(*first), usage(*second), inputs(), inputs())
    assert listing.complete
    assert len(listing.sightings) == 200


def test_usage_in_an_object() -> None:
    """Some pages show the rows within an object."""
    reply = answer(200, {"code": 0, "data": {"total": 0, "records": []}})
    assert search(step_of(PREVIEW), reply).complete


@pytest.mark.parametrize("reply", [LOST, answer(500), answer(200, {"code": 0, "data": "x"})])
def test_usage_that_cannot_be_read(reply: Reply) -> None:
    """A search that failed is a failure, not an empty list."""
    _, outcome = converse(Tripo().search(step_of(PREVIEW), SINCE), reply)
    assert isinstance(outcome, Failure)


def test_inputs_that_cannot_be_read() -> None:
    """Candidates that could not be compared prove nothing."""
    _, outcome = converse(Tripo().search(step_of(PREVIEW), SINCE), usage(row(1, 9)), LOST)
    assert isinstance(outcome, Failure)


def test_balance() -> None:
    """The account's credits, or why they can't be told."""
    body = {"code": 0, "data": {"balance": 12.5, "frozen": 3}}
    assert converse(Tripo().balance(), answer(200, body))[1] == Balance(12.5)
    outcome = converse(Tripo().balance(), answer(401, {"code": 1002}))[1]
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.UNAUTHORISED
