import pytest

from tests.conformance.tripo.api import TEXT, USAGE, Tripo
from tests.conformance.tripo.orders import OPERATIONS, Operation, made, text
from worker.simulator import Fault, Rule

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


def test_a_lagging_list_is_the_usage(tripo: Tripo) -> None:
    """LIST_LAGS hides a new task from the usage, not from GET, until its seconds have passed."""
    rule = Rule(fault=Fault.LIST_LAGS, provider="tripo", options={"seconds": 30})
    tripo.simulator.script(rule)
    task_id = tripo.created(TEXT, text())
    assert tripo.task(task_id)["task_id"] == task_id
    assert tripo.usage() == []
    tripo.simulator.clock.advance(31)
    assert [row["task_id"] for row in tripo.usage()] == [task_id]


@each_operation
def test_usage_lists_every_task(tripo: Tripo, operation: Operation) -> None:
    """Usage has task_id, type, status, credits_consumed and created_at of each task."""
    task_id = tripo.settled(operation.path, operation.body(tripo))
    row = next(row for row in tripo.usage() if row["task_id"] == task_id)
    assert {"task_id", "type", "status", "credits_consumed", "created_at"} <= set(row)
    task = tripo.task(task_id)
    assert (row["type"], row["status"]) == (task["type"], "success")
    assert row["credits_consumed"] == task["credits_consumed"]


def test_usage_lists_what_waits_and_failed(tripo: Tripo) -> None:
    """Usage lists a task from its creation, and failed ones too."""
    waiting = tripo.created(TEXT, text())
    failed = tripo.settled(TEXT, text(), "failed")
    assert {row["task_id"]: row["status"] for row in tripo.usage()} == {
        waiting: "queued",
        failed: "failed",
    }


def test_usage_goes_by_pages(tripo: Tripo) -> None:
    """With limit and offset pages walk all tasks, each once; the page without a limit has 50."""
    ids = {made(tripo, prompt=f"katana {number}") for number in range(53)}
    assert len(tripo.usage()) == 50
    pages = [tripo.usage(limit=20, offset=offset) for offset in (0, 20, 40, 60)]
    assert [len(page) for page in pages] == [20, 20, 13, 0]
    assert {row["task_id"] for page in pages for row in page} == ids


@pytest.mark.parametrize("limit", [0, 201])
def test_a_page_of_usage_has_200_at_most(tripo: Tripo, limit: int) -> None:
    """A limit is 1 to 200; beyond it is refused or cut (both tolerated)."""
    made(tripo)
    answer = tripo.http.get(USAGE, params={"limit": limit})
    assert answer.status_code == 400 or len(answer.json()["data"]) == 1
