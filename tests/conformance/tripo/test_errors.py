from dataclasses import dataclass

import pytest

from tests.conformance.tripo.api import TEXT, Tripo
from tests.conformance.tripo.orders import OPERATIONS, Operation, text
from tests.conformance.tripo.refusal import costs_nothing, is_error
from worker.simulator import Fault, Rule


@dataclass(frozen=True)
class Refusal:
    fault: Fault
    status: int
    codes: tuple[int, ...]

    def __str__(self) -> str:
        return self.fault.name


REFUSALS = (
    Refusal(Fault.UNAUTHORISED, 401, (2, 1000, 1001, 1002)),
    Refusal(Fault.INVALID, 400, (1003, 1004)),
    Refusal(Fault.FORBIDDEN, 403, (1005,)),
    Refusal(Fault.OUT_OF_CREDIT, 403, (2010,)),
    Refusal(Fault.NOT_FOUND, 404, (2001,)),
    Refusal(Fault.RATE_LIMITED, 429, (1007,)),
    Refusal(Fault.NO_SLOT, 429, (2000,)),
    Refusal(Fault.MODERATED, 400, (2008,)),
    Refusal(Fault.ANSWER_5XX, 500, (1000, 1001)),
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_scripted_refusal_of_a_create(
    tripo: Tripo, operation: Operation, refusal: Refusal
) -> None:
    """Each fault answers with its documented status and code, costs nothing, and happens once."""
    body = operation.body(tripo)
    tripo.simulator.script(Rule(fault=refusal.fault, provider="tripo", operation="create"))
    answer = tripo.create(operation.path, body)
    assert costs_nothing(tripo, answer, refusal.status, *refusal.codes)
    assert tripo.created(operation.path, body)


def test_a_full_pool_says_when_to_come_back(tripo: Tripo) -> None:
    """429/2000 carries Retry-After in seconds."""
    tripo.simulator.script(Rule(fault=Fault.NO_SLOT, provider="tripo", operation="create"))
    assert int(tripo.create(TEXT, text()).headers["Retry-After"]) > 0


LOOKS = [one for one in REFUSALS if one.status in {401, 429, 500} and 2000 not in one.codes]


@pytest.mark.parametrize("refusal", LOOKS, ids=str)
def test_a_scripted_refusal_of_a_look(tripo: Tripo, refusal: Refusal) -> None:
    """The same refusals meet a GET, and do nothing to the task."""
    task_id = tripo.created(TEXT, text())
    tripo.simulator.script(Rule(fault=refusal.fault, provider="tripo", operation="get"))
    assert is_error(tripo.get(task_id), refusal.status, *refusal.codes)
    assert tripo.task(task_id)["status"] == "queued"


def test_a_5xx_after_accepting_leaves_a_task(tripo: Tripo) -> None:
    """ANSWER_5XX_AFTER_ACCEPT: 500, and yet a task that the usage shows."""
    fault = Fault.ANSWER_5XX_AFTER_ACCEPT
    tripo.simulator.script(Rule(fault=fault, provider="tripo", operation="create"))
    answer = tripo.create(TEXT, text())
    assert is_error(answer, 500, 1000, 1001)
    (task,) = tripo.simulator.book("tripo").tasks
    assert [row["task_id"] for row in tripo.usage()] == [task.id]
    assert tripo.balance()["frozen"] == 20
