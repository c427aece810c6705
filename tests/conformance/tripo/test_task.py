from datetime import datetime
from uuid import uuid4

import pytest

from tests.conformance.tripo.api import RIG_CHECK, TASK_LIST, TASKS, TEXT, Tripo
from tests.conformance.tripo.orders import OPERATIONS, Operation, made, rig_check, text
from tests.conformance.tripo.refusal import is_error
from worker.simulator import Fault, Rule

STATUSES = ["queued", "running", "success"]
LISTABLE = 100

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def moment(value: str) -> datetime:
    found = datetime.fromisoformat(value)
    assert found.tzinfo is not None
    return found


@each_operation
def test_a_task_begins_queued(tripo: Tripo, operation: Operation) -> None:
    """A new task is queued at 0 % with an empty output."""
    task = tripo.task(tripo.created(operation.path, operation.body(tripo)))
    assert (task["status"], task["progress"]) == ("queued", 0)
    assert not task["output"]
    assert not task.get("completed_at")


@each_operation
def test_a_task_goes_through_its_states(tripo: Tripo, operation: Operation) -> None:
    """queued, running, success, never back; 0 % while queued, 100 % at the end."""
    looks = tripo.lived(tripo.created(operation.path, operation.body(tripo)), every=1)
    steps = [STATUSES.index(look["status"]) for look in looks]
    assert steps == sorted(steps)
    assert steps[-1] == 2
    assert all(0 <= look["progress"] <= 100 for look in looks)
    assert all(look["progress"] == 0 for look in looks if look["status"] == "queued")
    assert looks[-1]["progress"] == 100


@each_operation
def test_a_task_has_its_documented_fields(tripo: Tripo, operation: Operation) -> None:
    """task_id, type, status, progress, input, output, credits and times in ISO 8601."""
    body = operation.body(tripo)
    done = tripo.run(operation.path, body)
    assert {"task_id", "type", "status", "progress", "input", "output"} <= set(done)
    assert isinstance(done["credits_consumed"], int | float)
    assert moment(done["created_at"]) < moment(done["completed_at"])
    assert not done.get("error_code")
    assert not done.get("error_message")


def test_times_are_the_clocks(tripo: Tripo) -> None:
    """created_at is the moment of the create."""
    task = tripo.task(tripo.created(TEXT, text()))
    age = tripo.simulator.clock.now() - moment(task["created_at"])
    assert abs(age.total_seconds()) <= 1


def test_a_task_shows_what_was_asked(tripo: Tripo) -> None:
    """`input` carries the request's content."""
    task = tripo.task(tripo.created(TEXT, text(prompt="an oak chest")))
    assert task["input"]["prompt"] == "an oak chest"


@each_operation
def test_output_appears_at_the_end(tripo: Tripo, operation: Operation) -> None:
    """No result is shown before success."""
    looks = tripo.lived(tripo.created(operation.path, operation.body(tripo)))
    assert not any(look["output"] for look in looks[:-1])
    assert looks[-1]["output"]


def test_there_is_no_place_in_the_queue(tripo: Tripo) -> None:
    """v3 tells no queue position."""
    task = tripo.task(tripo.created(TEXT, text()))
    assert not {"queuing_num", "preceding_tasks", "running_left_time"} & set(task)


@pytest.mark.parametrize("task_id", ["0f1f6f8e-2f0c-4c7d-9f63-5b7c2f1f3a10", "no-id-at-all"])
def test_an_unknown_task_is_2001(tripo: Tripo, task_id: str) -> None:
    """GET of an id that nobody has is 404/2001."""
    assert is_error(tripo.get(task_id), 404, 2001)


@pytest.mark.parametrize("method", ["DELETE", "PATCH"])
def test_nothing_cancels_a_task(tripo: Tripo, method: str) -> None:
    """There is no cancel and no delete; the task goes on."""
    task_id = tripo.created(TEXT, text())
    assert tripo.http.request(method, f"{TASKS}/{task_id}").status_code in {404, 405}
    assert tripo.http.post(f"{TASKS}/{task_id}/cancel").status_code in {404, 405}
    assert tripo.lived(task_id)[-1]["status"] == "success"


def test_many_tasks_in_one_request(tripo: Tripo) -> None:
    """POST tasks/list answers with each task as GET shows it, and names what is missing."""
    ids = [tripo.created(TEXT, text()), made(tripo)]
    missing = str(uuid4())
    answer = tripo.batch([*ids, missing])
    assert set(answer["tasks"]) == set(ids)
    assert answer["missed"] == [missing]
    waiting = answer["tasks"][ids[0]]
    assert waiting == tripo.task(ids[0])


def test_a_batch_without_a_miss(tripo: Tripo) -> None:
    """`missed` is an empty list when everything was found."""
    assert tripo.batch([made(tripo)])["missed"] == []


def test_a_batch_has_100_ids_at_most(tripo: Tripo) -> None:
    """100 ids are answered, 101 are 400/1004."""
    ids = [str(uuid4()) for _ in range(LISTABLE + 1)]
    assert len(tripo.batch(ids[:LISTABLE])["missed"]) == LISTABLE
    assert is_error(tripo.http.post(TASK_LIST, json={"task_ids": ids}), 400, 1003, 1004)


@pytest.mark.parametrize("body", [{}, {"task_ids": "all"}, {"task_ids": None}])
def test_there_is_no_list_without_ids(tripo: Tripo, body: dict[str, object]) -> None:
    """Tasks are listed by their ids only."""
    assert is_error(tripo.http.post(TASK_LIST, json=body), 400, 1003, 1004)
    assert tripo.http.get(TASKS).status_code in {404, 405}


def test_a_rig_check_tells_whether_and_how(tripo: Tripo) -> None:
    """rig-check's output is riggable and, where it is, the type."""
    output = tripo.run(RIG_CHECK, rig_check(made(tripo)))["output"]
    assert isinstance(output["riggable"], bool)
    assert not output["riggable"] or output["rig_type"] in {
        "biped",
        "quadruped",
        "hexapod",
        "octopod",
        "avian",
        "serpentine",
        "aquatic",
    }


def test_a_failed_task_says_why(tripo: Tripo) -> None:
    """failed: error_code and error_message, no output, 0 credits."""
    task_id = tripo.settled(TEXT, text(), "failed")
    task = tripo.task(task_id)
    assert task["status"] == "failed"
    assert task["error_message"]
    assert not task["output"]
    assert not task["credits_consumed"]


def test_a_scripted_failure_has_its_code(tripo: Tripo) -> None:
    """TASK_FAILED ends failed with the code and message that were scripted."""
    options = {"error_code": 2018, "message": "Too complex."}
    tripo.simulator.script(Rule(fault=Fault.TASK_FAILED, provider="tripo", options=options))
    task = tripo.run(TEXT, text())
    assert (task["status"], task["error_code"]) == ("failed", 2018)
    assert task["error_message"] == "Too complex."


def test_banned_is_failed_with_2008(tripo: Tripo) -> None:
    """MODERATED on a task: failed with error_code 2008, as v2's `banned` became."""
    tripo.simulator.script(Rule(fault=Fault.MODERATED, provider="tripo", operation="task"))
    task = tripo.run(TEXT, text())
    assert (task["status"], task["error_code"]) == ("failed", 2008)


def test_expired_is_failed_with_2018(tripo: Tripo) -> None:
    """TASK_EXPIRED: failed with error_code 2018, as v2's `expired` became."""
    tripo.simulator.script(Rule(fault=Fault.TASK_EXPIRED, provider="tripo"))
    task = tripo.run(TEXT, text())
    assert (task["status"], task["error_code"]) == ("failed", 2018)


def test_a_timeout_is_a_failure(tripo: Tripo) -> None:
    """TASK_TIMEOUT ends failed."""
    tripo.simulator.script(Rule(fault=Fault.TASK_TIMEOUT, provider="tripo"))
    assert tripo.run(TEXT, text())["status"] == "failed"


@pytest.mark.parametrize(
    ("fault", "status"), [(Fault.STUCK_PENDING, "queued"), (Fault.STUCK_AT_99, "running")]
)
def test_a_task_may_be_stuck(tripo: Tripo, fault: Fault, status: str) -> None:
    """STUCK_PENDING stays queued, STUCK_AT_99 runs for ever between 95 and 99 %."""
    tripo.simulator.script(Rule(fault=fault, provider="tripo"))
    task_id = tripo.created(TEXT, text())
    tripo.simulator.clock.advance(6 * 3600)
    task = tripo.task(task_id)
    assert task["status"] == status
    assert task["progress"] == 0 or 95 <= task["progress"] <= 99
