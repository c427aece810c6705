"""What Meshy's task objects mean."""

from typing import Any

import pytest

from tests.providers.orders import PREVIEWED, answer
from worker.providers.call import NoAnswer
from worker.providers.failure import Failure, Kind
from worker.providers.meshy import Meshy
from worker.providers.order import Step, Task
from worker.providers.outcome import (
    Accepted,
    Canceled,
    Failed,
    Link,
    State,
    Succeeded,
    Unseen,
    Working,
)

STEP = Step("preview", "text-to-3d", {}, {})
TASK = {
    "id": PREVIEWED.id,
    "type": "text-to-3d-refine",
    "status": "SUCCEEDED",
    "progress": 100,
    "model_urls": {
        "glb": "https://assets.meshy.ai/a/model.glb?Expires=1",
        "mtl": "https://a/m.mtl",
    },
    "texture_urls": [{"base_color": "https://a/c.png?Expires=1", "normal": "https://a/n.jpg"}],
    "thumbnail_url": "https://a/preview.png?Expires=1",
    "task_error": None,
    "consumed_credits": 10,
}


def state_of(**fields: Any) -> State:
    return Meshy().state(PREVIEWED, answer(200, {**TASK, **fields}))


def test_a_success() -> None:
    """Its links have roles and formats, its credits are told."""
    state = state_of()
    assert isinstance(state, Succeeded)
    assert state.credits == 10
    assert state.output.links == (
        Link("model", "glb", "https://assets.meshy.ai/a/model.glb?Expires=1"),
        Link("model", "mtl", "https://a/m.mtl"),
        Link("base_color", "png", "https://a/c.png?Expires=1"),
        Link("normal", "jpg", "https://a/n.jpg"),
        Link("thumbnail", "png", "https://a/preview.png?Expires=1"),
    )


def test_textures_in_a_bare_object() -> None:
    """Older answers have an object where the documentation has an array."""
    state = state_of(texture_urls={"metallic": "https://a/m.png"})
    assert isinstance(state, Succeeded)
    assert Link("metallic", "png", "https://a/m.png") in state.output.links


def test_a_rigged_model() -> None:
    """A rig's files stand in `result`."""
    state = state_of(
        model_urls=None, result={"rigged_character_glb_url": "https://a/rigged.glb?Expires=1"}
    )
    assert isinstance(state, Succeeded)
    assert Link("model", "glb", "https://a/rigged.glb?Expires=1") in state.output.links


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "PENDING", "progress": 0, "preceding_tasks": 477}, Working(0, 477)),
        ({"status": "IN_PROGRESS", "progress": 99, "preceding_tasks": 0}, Working(99)),
        ({"status": "IN_PROGRESS", "progress": None}, Working(0)),
        ({"status": "IN_PROGRESS", "progress": 1e300}, Working(0)),
        ({"status": "REFLECTING", "progress": 7}, Working(7)),
        ({"status": "CANCELED", "consumed_credits": 0}, Canceled(0)),
        ({"status": "CANCELED", "consumed_credits": -20}, Canceled(None)),
    ],
)
def test_states_on_the_way(fields: dict[str, Any], state: State) -> None:
    """A status that nobody knows is a task on the way: the job's deadline rules."""
    assert state_of(**fields) == state


def test_expired_status() -> None:
    """EXPIRED, which only old clients know, ends the task."""
    state = state_of(status="EXPIRED")
    assert isinstance(state, Failed)
    assert state.failure.kind is Kind.TASK_EXPIRED


@pytest.mark.parametrize(
    "body",
    [None, [], "text", 7, {}, {"status": None}, {"status": "SUCCEEDED", "id": "another's"}],
)
def test_what_is_no_task_is_unseen(body: Any) -> None:
    """A success that can't be read says nothing about a task that was paid."""
    assert isinstance(Meshy().state(PREVIEWED, answer(200, body)), Unseen)


def test_gone() -> None:
    """Meshy's own 404 ends the task; an expired one says so."""
    state = Meshy().state(PREVIEWED, answer(404, {"message": "Task not found"}))
    assert isinstance(state, Failed)
    assert state.failure.kind is Kind.NOT_FOUND
    state = Meshy().state(PREVIEWED, answer(404, {"message": "Task has expired"}))
    assert isinstance(state, Failed)
    assert state.failure.kind is Kind.TASK_EXPIRED


def test_a_page_not_found_by_somebody_else_is_unseen() -> None:
    """A proxy's 404 must not end a paid task."""
    assert isinstance(Meshy().state(PREVIEWED, answer(404, "<html>")), Unseen)


@pytest.mark.parametrize("status", [401, 429, 500, 502, 301])
def test_other_statuses_are_unseen(status: int) -> None:
    """Not being told is not an end."""
    assert isinstance(Meshy().state(PREVIEWED, answer(status, {"message": "x"})), Unseen)


def test_no_answer_is_unseen() -> None:
    """A time-out while looking says nothing about the task."""
    state = Meshy().state(PREVIEWED, NoAnswer(sent=True, reason="ReadTimeout"))
    assert state == Unseen(Failure(Kind.UNAVAILABLE, "ReadTimeout"))


@pytest.mark.parametrize("status", [200, 201, 202])
def test_accepted(status: int) -> None:
    """Any 2xx with an id is an acceptance: sources differ on which."""
    found = Meshy().accepted(STEP, answer(status, {"result": PREVIEWED.id}))
    assert found == Accepted(PREVIEWED)


@pytest.mark.parametrize(
    "body", [None, {}, {"result": None}, {"result": ""}, {"result": "../x"}, {"result": ".."}, []]
)
def test_success_without_a_usable_id(body: Any) -> None:
    """It may have been bought: the caller makes it unknown."""
    assert Meshy().accepted(STEP, answer(202, body)) is None


def test_frames() -> None:
    """Frames on the way are thin; a last one without its object needs a look."""
    meshy = Meshy()
    thin = {"id": PREVIEWED.id, "progress": 10, "status": "IN_PROGRESS"}
    assert meshy.event_state(PREVIEWED, "message", thin) == Working(10)
    assert isinstance(meshy.event_state(PREVIEWED, "message", TASK), Succeeded)
    assert meshy.event_state(PREVIEWED, "message", {**thin, "status": "SUCCEEDED"}) is None
    assert meshy.event_state(PREVIEWED, "message", {**thin, "status": "FAILED"}) is None
    assert meshy.event_state(PREVIEWED, "message", {**thin, "id": "another's"}) is None
    assert meshy.event_state(PREVIEWED, "error", {"status_code": 404}) is None
    assert meshy.event_state(PREVIEWED, "message", None) is None


def test_ids_stand_quoted_in_paths() -> None:
    """An id can't leave its place in the path."""
    assert Meshy().lookup(Task("remesh", "../x?y")).path == "/openapi/v1/remesh/..%2Fx%3Fy"
