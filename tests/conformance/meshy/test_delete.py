import pytest

from tests.conformance.meshy.api import Meshy
from tests.conformance.meshy.orders import OPERATIONS, SMALL, Operation, image, preview
from tests.conformance.meshy.refusal import is_error
from worker.simulator import Fault, Rule

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


@each_operation
def test_a_pending_task_is_deleted_and_refunded(meshy: Meshy, operation: Operation) -> None:
    """DELETE of a PENDING task: 200, empty body, credits back, GET 404."""
    body = operation.body(meshy)
    before = meshy.balance()
    task_id = meshy.created(operation.resource, body)
    answer = meshy.delete(operation.resource, task_id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert meshy.balance() == before
    assert is_error(meshy.get(operation.resource, task_id), 404)


@each_operation
def test_a_running_task_is_not_deleted(meshy: Meshy, operation: Operation) -> None:
    """DELETE of an IN_PROGRESS task is refused (409 unconfirmed); it goes on and is charged."""
    body = operation.body(meshy)
    before = meshy.balance()
    task_id = meshy.start(operation.resource, body)
    assert is_error(meshy.delete(operation.resource, task_id), 400, 403, 409, 422)
    done = meshy.lived(operation.resource, task_id)[-1]
    assert done["status"] == "SUCCEEDED"
    assert meshy.balance() == before - done["consumed_credits"]


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_an_ended_task_is_deleted_without_refund(meshy: Meshy, status: str) -> None:
    """DELETE of an ended task: 200, empty body, gone for good, no refund."""
    task_id = meshy.settled("text-to-3d", preview(), status)
    before = meshy.balance()
    answer = meshy.delete("text-to-3d", task_id)
    assert (answer.status_code, answer.content) == (200, b"")
    assert meshy.balance() == before
    assert is_error(meshy.get("text-to-3d", task_id), 404)
    assert is_error(meshy.delete("text-to-3d", task_id), 404)


def test_files_go_with_their_task(meshy: Meshy) -> None:
    """A deleted task's addresses open nothing."""
    done = meshy.run("text-to-3d", preview(**SMALL, target_formats=["glb"]))
    url = done["model_urls"]["glb"]
    assert meshy.download(url).status_code == 200
    meshy.delete("text-to-3d", done["id"])
    assert meshy.download(url).is_client_error


def test_a_deleted_task_frees_its_place(meshy: Meshy) -> None:
    """Deleting a PENDING task makes room in the account's queue."""
    meshy.simulator.meshy.account.queued_tasks = 1
    task_id = meshy.created("image-to-3d", image())
    assert meshy.create("image-to-3d", image()).status_code == 429
    meshy.delete("image-to-3d", task_id)
    assert meshy.created("image-to-3d", image())


def test_a_refused_cancel_leaves_the_task(meshy: Meshy) -> None:
    """CANCEL_REFUSED: even a PENDING task is not deleted; it runs, ends and is paid."""
    meshy.simulator.script(Rule(fault=Fault.CANCEL_REFUSED, provider="meshy"))
    task_id = meshy.created("image-to-3d", image())
    assert is_error(meshy.delete("image-to-3d", task_id), 400, 403, 409, 422)
    assert meshy.lived("image-to-3d", task_id)[-1]["status"] == "SUCCEEDED"
    assert meshy.simulator.book("meshy").credits_spent == 30
