from uuid import uuid4

import pytest

from tests.conformance.meshy.api import PATHS, Meshy
from tests.conformance.meshy.orders import OPERATIONS, Operation, image, preview
from worker.simulator import Fault, Rule

LISTED = [operation for operation in OPERATIONS if operation.resource != "rigging"]


def made(meshy: Meshy, count: int) -> list[str]:
    meshy.simulator.meshy.account.queued_tasks = 1000
    ids = []
    for number in range(count):
        ids.append(meshy.created("text-to-3d", preview(prompt=f"katana {number}")))
        meshy.simulator.clock.advance(1)
    return ids


def listed(meshy: Meshy, **query: str | int) -> list[str]:
    return [task["id"] for task in meshy.page("text-to-3d", **query)]


def test_an_empty_list_is_an_empty_array(meshy: Meshy) -> None:
    """The list is a bare JSON array, also when there is nothing."""
    assert meshy.http.get(PATHS["text-to-3d"]).json() == []


@pytest.mark.parametrize("operation", LISTED, ids=str)
def test_a_list_shows_the_task_objects(meshy: Meshy, operation: Operation) -> None:
    """A list's item is the same object that GET shows."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    newest = meshy.page(operation.resource, sort_by="-created_at")[0]
    assert newest == meshy.task(operation.resource, task_id)


def test_a_rig_may_be_listed(meshy: Meshy) -> None:
    """Rigging's list is recent: 200 with an array, or 404 (both tolerated)."""
    answer = meshy.http.get(PATHS["rigging"])
    assert answer.status_code == 404 or answer.json() == []


def test_a_list_shows_its_own_resource_only(meshy: Meshy) -> None:
    """Tasks of other resources are not in the list."""
    meshy.created("image-to-3d", image())
    assert meshy.page("text-to-3d") == []


@pytest.mark.parametrize("order", [1, -1])
def test_a_list_is_sorted_by_creation(meshy: Meshy, order: int) -> None:
    """sort_by takes +created_at and -created_at."""
    ids = made(meshy, 4)
    sort_by = "+created_at" if order == 1 else "-created_at"
    assert listed(meshy, sort_by=sort_by) == ids[::order]


def test_a_page_has_ten(meshy: Meshy) -> None:
    """Without a page_size a page has ten tasks, and page_num begins at 1."""
    ids = made(meshy, 12)[::-1]
    assert listed(meshy, sort_by="-created_at") == ids[:10]
    assert listed(meshy, sort_by="-created_at", page_num=1) == ids[:10]
    assert listed(meshy, sort_by="-created_at", page_num=2) == ids[10:]


def test_pages_go_on_until_a_short_one(meshy: Meshy) -> None:
    """page_num and page_size walk the whole list; past its end is an empty array."""
    ids = made(meshy, 7)[::-1]
    pages = [listed(meshy, sort_by="-created_at", page_size=3, page_num=n) for n in (1, 2, 3, 4)]
    assert pages == [ids[:3], ids[3:6], ids[6:], []]


def test_a_page_has_fifty_at_most(meshy: Meshy) -> None:
    """page_size goes up to 50; more is refused (400) or cut to 50 (both tolerated)."""
    ids = made(meshy, 52)[::-1]
    assert listed(meshy, sort_by="-created_at", page_size=50) == ids[:50]
    answer = meshy.http.get(PATHS["text-to-3d"], params={"page_size": 51})
    assert answer.status_code == 400 or len(answer.json()) == 50


@pytest.mark.parametrize("status", ["succeeded", "failed"])
def test_ended_tasks_stay_in_the_list(meshy: Meshy, status: str) -> None:
    """Tasks of every state are listed."""
    task_id = meshy.settled("text-to-3d", preview(), status)
    assert listed(meshy) == [task_id]


def test_a_deleted_task_leaves_the_list(meshy: Meshy) -> None:
    """What was deleted is listed no longer."""
    first, second = made(meshy, 2)
    meshy.simulator.settle(first, "succeeded")
    meshy.delete("text-to-3d", first)
    assert listed(meshy) == [second]


def test_a_lagging_list_lags_for_as_long_as_was_said(meshy: Meshy) -> None:
    """LIST_LAGS hides a new task from the list, not from GET, until its seconds have passed."""
    meshy.simulator.script(Rule(fault=Fault.LIST_LAGS, provider="meshy", options={"seconds": 30}))
    task_id = meshy.created("text-to-3d", preview())
    assert meshy.task("text-to-3d", task_id)["id"] == task_id
    assert listed(meshy) == []
    meshy.simulator.clock.advance(31)
    assert listed(meshy) == [task_id]


def test_the_list_carries_no_image(meshy: Meshy) -> None:
    """A list shows neither the image nor the predecessor of a task."""
    mark = uuid4().hex
    meshy.created("image-to-3d", image(texture_prompt=mark))
    (task,) = meshy.page("image-to-3d")
    assert "base64" not in str(task)
    assert "image_url" not in task
