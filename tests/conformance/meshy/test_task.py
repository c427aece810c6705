import pytest

from tests.conformance.meshy.api import Json, Meshy
from tests.conformance.meshy.orders import (
    OPERATIONS,
    Operation,
    built_on,
    image,
    preview,
    previewed,
    refine,
    textured_small,
)
from worker.simulator import Fault, Rule

ORDER = ["PENDING", "IN_PROGRESS", "SUCCEEDED"]
THREE_DAYS = 259_200_000
EXPIRY_IS_NOT_LISTED = {"text-to-3d"}

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def urls(task: Json) -> Json:
    found: Json = task.get("model_urls") or {}
    return found


@each_operation
def test_a_task_begins_pending(meshy: Meshy, operation: Operation) -> None:
    """A new task is PENDING at 0 %, not started, not finished, and already shows its price."""
    now = meshy.simulator.clock.now().timestamp() * 1000
    task = meshy.task(operation.resource, meshy.created(operation.resource, operation.body(meshy)))
    assert (task["status"], task["progress"]) == ("PENDING", 0)
    assert (task["started_at"], task["finished_at"]) == (0, 0)
    assert task["created_at"] == pytest.approx(now, abs=5)
    assert task["consumed_credits"] > 0
    assert not urls(task)


@each_operation
def test_a_task_goes_through_its_states(meshy: Meshy, operation: Operation) -> None:
    """PENDING, IN_PROGRESS, SUCCEEDED, never back; 0 % while PENDING, 100 % at the end."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    looks = meshy.lived(operation.resource, task_id, every=1)
    steps = [ORDER.index(look["status"]) for look in looks]
    assert steps == sorted(steps)
    assert set(steps) == {0, 1, 2}
    assert all(look["progress"] == 0 for look in looks if look["status"] == "PENDING")
    assert all(0 <= look["progress"] <= 100 for look in looks)
    assert looks[-1]["progress"] == 100


@each_operation
def test_times_are_milliseconds_in_order(meshy: Meshy, operation: Operation) -> None:
    """Created ≤ started ≤ finished, in integer milliseconds; 0 stands for not yet."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    for look in meshy.lived(operation.resource, task_id):
        times = [look["created_at"], look["started_at"], look["finished_at"]]
        assert all(isinstance(time, int) for time in times)
        assert (look["started_at"] == 0) == (look["status"] == "PENDING")
        assert (look["finished_at"] == 0) == (look["status"] != "SUCCEEDED")
    assert times == sorted(times)


@each_operation
def test_a_task_expires_after_three_days(meshy: Meshy, operation: Operation) -> None:
    """expires_at is three days after the end; it may be missing where it is not listed."""
    done = meshy.run(operation.resource, operation.body(meshy))
    expiry = done.get("expires_at")
    assert expiry is not None or operation.resource in EXPIRY_IS_NOT_LISTED
    assert expiry in {None, done["finished_at"] + THREE_DAYS}


@each_operation
def test_models_appear_at_the_end(meshy: Meshy, operation: Operation) -> None:
    """No address of a result is shown before SUCCEEDED."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    looks = meshy.lived(operation.resource, task_id)
    assert not any(urls(look) for look in looks[:-1])
    assert operation.name == "rig" or urls(looks[-1])


@each_operation
def test_a_good_end_has_no_error(meshy: Meshy, operation: Operation) -> None:
    """task_error is null or has an empty message (both forms tolerated)."""
    done = meshy.run(operation.resource, operation.body(meshy))
    assert done["task_error"] in (None, {"message": ""})


def test_progress_stalls_near_the_end(meshy: Meshy) -> None:
    """A generation stands between 95 and 99 % for 30 to 120 s before it ends."""
    looks = meshy.lived("image-to-3d", meshy.created("image-to-3d", image()), every=1)
    stalled = [look for look in looks if 95 <= look["progress"] <= 99]
    assert 25 <= len(stalled) <= 125
    assert all(look["status"] == "IN_PROGRESS" for look in stalled)


def test_a_generation_takes_minutes(meshy: Meshy) -> None:
    """A generation takes between half a minute and a quarter of an hour."""
    done = meshy.run("text-to-3d", preview())
    assert 30_000 <= done["finished_at"] - done["started_at"] <= 900_000


def test_what_was_asked_is_echoed(meshy: Meshy) -> None:
    """A task shows its prompt; a refine shows its texture's."""
    made = previewed(meshy, prompt="an oak chest")
    assert meshy.task("text-to-3d", made)["prompt"] == "an oak chest"
    texture = meshy.created("text-to-3d", refine(made, texture_prompt="mossy"))
    assert meshy.task("text-to-3d", texture)["texture_prompt"] == "mossy"


def test_the_place_in_the_queue_falls(meshy: Meshy) -> None:
    """While a task is PENDING, preceding_tasks tells how many go before it, and falls to 0."""
    meshy.simulator.meshy.account.queued_tasks = 100
    task_id = [meshy.created("remesh", built_on(previewed(meshy))) for _ in range(40)][-1]
    places = [
        look["preceding_tasks"]
        for look in meshy.lived("remesh", task_id, every=1)
        if look["status"] == "PENDING"
    ]
    assert all(isinstance(place, int) for place in places)
    assert places == sorted(places, reverse=True)
    assert places[0] > places[-1]


def test_a_task_waits_for_hours(meshy: Meshy) -> None:
    """At peak a task is PENDING for hours, and nothing else is wrong with it."""
    meshy.simulator.script(Rule(fault=Fault.STUCK_PENDING, provider="meshy"))
    task_id = meshy.created("text-to-3d", preview())
    meshy.simulator.clock.advance(4 * 3600)
    task = meshy.task("text-to-3d", task_id)
    assert (task["status"], task["progress"]) == ("PENDING", 0)


def test_a_rig_has_a_result_of_its_own(meshy: Meshy) -> None:
    """A rig's `result` is null until SUCCEEDED, then names two models and six animations."""
    task_id = meshy.created("rigging", built_on(textured_small(meshy)))
    looks = meshy.lived("rigging", task_id)
    assert all(look["result"] is None for look in looks[:-1])
    result = looks[-1]["result"]
    assert "model_urls" not in looks[-1]
    assert set(result) == {
        "rigged_character_glb_url",
        "rigged_character_fbx_url",
        "basic_animations",
    }
    assert set(result["basic_animations"]) == {
        f"{walk}_{kind}_url"
        for walk in ("walking", "running")
        for kind in ("glb", "fbx", "armature_glb")
    }
