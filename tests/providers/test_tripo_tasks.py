"""What Tripo's task objects mean."""

from typing import Any

import pytest

from tests.providers.orders import answer
from worker.providers.call import NoAnswer
from worker.providers.failure import Kind
from worker.providers.order import Step, Task
from worker.providers.outcome import (
    Accepted,
    Canceled,
    Failed,
    Link,
    Rejected,
    State,
    Succeeded,
    Unseen,
    Working,
)
from worker.providers.tripo import Tripo

TASK = Task("image-to-model", "0a1b2c3d-0000-4000-8000-000000000000")
STEP = Step("generate", "image-to-model", {}, {})


def shown(**fields: Any) -> dict[str, Any]:
    base = {
        "task_id": TASK.id,
        "type": "image_to_model",
        "status": "success",
        "progress": 100,
        "output": {
            "model_url": "https://t/model.glb?Expires=1",
            "rendered_image_url": "https://t/r.webp?Expires=1",
        },
        "credits_consumed": 30,
    }
    return base | fields


def state_of(**fields: Any) -> State:
    return Tripo().state(TASK, answer(200, {"code": 0, "data": shown(**fields)}))


def test_a_success() -> None:
    """The model, its picture and what it cost."""
    state = state_of()
    assert isinstance(state, Succeeded)
    assert state.credits == 30
    assert state.output.links == (
        Link("model", "glb", "https://t/model.glb?Expires=1"),
        Link("thumbnail", "webp", "https://t/r.webp?Expires=1"),
    )


@pytest.mark.parametrize(
    ("fields", "format_"),
    [
        ({"output": {"model_url": "https://t/a.fbx?x"}}, "fbx"),
        ({"output": {"model_url": "https://t/a?x"}, "input": {"format": "FBX"}}, "fbx"),
        ({"output": {"model_url": "https://t/a?x"}, "input": {"format": "GLTF"}}, "glb"),
        ({"output": {"model_url": "https://t/a?x"}}, "glb"),
        ({"output": {"pbr_model": "https://t/a.glb"}}, "glb"),
        ({"output": {"model_urls": ["https://t/a.zip"]}}, "zip"),
    ],
)
def test_format_of_the_model(fields: dict[str, Any], format_: str) -> None:
    """The address tells it, else what was asked."""
    state = state_of(**fields)
    assert isinstance(state, Succeeded)
    assert [link.format for link in state.output.links if link.role == "model"] == [format_]


@pytest.mark.parametrize("riggable", [True, False])
def test_whether_it_can_be_rigged_is_a_fact(riggable: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Not being riggable is no failure."""
    state = state_of(output={"riggable": riggable, "rig_type": "biped"})
    assert isinstance(state, Succeeded)
    assert state.output.facts == {"riggable": riggable, "rig_type": "biped"}


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "queued", "progress": 0}, Working(0)),
        ({"status": "running", "progress": 42.5}, Working(42)),
        ({"status": "unknown", "progress": "x"}, Working(0)),
        ({"status": "cancelled", "credits_consumed": 0}, Canceled(0)),
        ({"status": "cancelled", "credits_consumed": -20}, Canceled(None)),
    ],
)
def test_states_on_the_way(fields: dict[str, Any], state: State) -> None:
    """A status that nobody knows is a task on the way: the job's deadline rules."""
    assert state_of(**fields) == state


@pytest.mark.parametrize("body", [None, [], {"code": 0}, {"code": 0, "data": []}, {"data": None}])
def test_what_is_no_task_is_unseen(body: Any) -> None:
    """A success that can't be read says nothing about a task that was paid."""
    assert isinstance(Tripo().state(TASK, answer(200, body)), Unseen)


def test_another_tasks_object_is_unseen() -> None:
    """What a cache on the way mixed up decides nothing."""
    assert isinstance(state_of(task_id="another"), Unseen)


def test_gone() -> None:
    """Code 2001 ends the task; a 404 of somebody else does not."""
    state = Tripo().state(TASK, answer(404, {"code": 2001, "message": "Task not found"}))
    assert isinstance(state, Failed)
    assert state.failure.kind is Kind.NOT_FOUND
    assert isinstance(Tripo().state(TASK, answer(404, {"code": 4001})), Unseen)
    assert isinstance(Tripo().state(TASK, answer(404, "<html>")), Unseen)


def test_batch() -> None:
    """Tasks that the answer leaves out are left out: they are asked about by themselves."""
    other = Task("convert", "other")
    body = {"code": 0, "data": {"tasks": {TASK.id: shown(status="running")}, "missed": ["other"]}}
    states = Tripo().batch_states([TASK, other], answer(200, body))
    assert states == {TASK.id: Working(100)}
    listed = {"code": 0, "data": {"tasks": [shown(status="running", progress=1)]}}
    assert Tripo().batch_states([TASK], answer(200, listed)) == {TASK.id: Working(1)}


def test_batch_that_fails() -> None:
    """Every task of it is unseen."""
    states = Tripo().batch_states([TASK], NoAnswer(sent=True, reason="ReadTimeout"))
    assert isinstance(states[TASK.id], Unseen)
    call = Tripo().batch_lookup([TASK])
    assert (call.path, call.body, call.paid) == ("/v3/tasks/list", {"task_ids": [TASK.id]}, False)


def test_accepted() -> None:
    """The id counts; so does a code of refusal under a success."""
    tripo = Tripo()
    found = tripo.accepted(STEP, answer(200, {"code": 0, "data": {"task_id": TASK.id}}))
    assert found == Accepted(TASK)
    refused = tripo.accepted(STEP, answer(200, {"code": 2010, "message": "no credit"}))
    assert isinstance(refused, Rejected)
    assert refused.failure.kind is Kind.OUT_OF_CREDIT


@pytest.mark.parametrize(
    "body", [None, {}, {"code": 0}, {"code": 0, "data": {"task_id": "a/b"}}, {"code": 1000}]
)
def test_success_that_cannot_be_read(body: Any) -> None:
    """It may have been bought: codes 1000 and 1001 prove nothing."""
    assert Tripo().accepted(STEP, answer(200, body)) is None
