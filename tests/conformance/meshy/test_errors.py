import re
from dataclasses import dataclass
from typing import Any

import pytest

from tests.conformance.meshy.api import Meshy
from tests.conformance.meshy.orders import OPERATIONS, Operation, image, preview
from tests.conformance.meshy.refusal import costs_nothing, is_error
from worker.simulator import Fault, Rule

FREE_PLAN = "NoMorePendingTasks: Task creation on the free plan is no longer supported"
DOC_URL = re.compile(r"https://docs\.meshy\.ai/.+#[a-z-]+$")
TYPES = ("invalid_input", "timeout", "service_unavailable", "server_error")
CODES = (
    "image_too_complex",
    "model_missing_uv",
    "model_insufficient_uv",
    "invalid_input",
    "moderation_blocked",
    "timeout",
    "format_conversion_failed",
)


@dataclass(frozen=True)
class Refusal:
    fault: Fault
    status: int
    message: str  # a pattern; errors have no code, so the message is all there is

    def __str__(self) -> str:
        return self.fault.name


REFUSALS = (
    Refusal(Fault.INVALID, 400, "."),
    Refusal(Fault.UNAUTHORISED, 401, "."),
    Refusal(Fault.OUT_OF_CREDIT, 402, "."),
    Refusal(Fault.FREE_PLAN, 402, f"^{FREE_PLAN}"),
    Refusal(Fault.FORBIDDEN, 403, "."),
    Refusal(Fault.NOT_FOUND, 404, "."),
    Refusal(Fault.RATE_LIMITED, 429, "RateLimitExceeded"),
    Refusal(Fault.NO_SLOT, 429, "NoMoreConcurrentTasks|NoMorePendingTasks"),
)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_scripted_refusal_of_a_create(
    meshy: Meshy, operation: Operation, refusal: Refusal
) -> None:
    """Each fault answers with its documented status and text, costs nothing, and happens once."""
    body = operation.body(meshy)
    meshy.simulator.script(Rule(fault=refusal.fault, provider="meshy", operation="create"))
    answer = meshy.create(operation.resource, body)
    assert costs_nothing(meshy, answer, refusal.status)
    assert re.search(refusal.message, answer.json()["message"])
    assert meshy.created(operation.resource, body)


@pytest.mark.parametrize("fault", [Fault.UNAUTHORISED, Fault.FORBIDDEN, Fault.RATE_LIMITED])
def test_a_scripted_refusal_of_a_look(meshy: Meshy, fault: Fault) -> None:
    """The same refusals meet a GET, and do nothing to the task."""
    status = next(one.status for one in REFUSALS if one.fault is fault)
    task_id = meshy.created("text-to-3d", preview())
    meshy.simulator.script(Rule(fault=fault, provider="meshy", operation="get"))
    assert is_error(meshy.get("text-to-3d", task_id), status)
    assert meshy.task("text-to-3d", task_id)["status"] == "PENDING"


def test_without_credits_there_is_402(meshy: Meshy) -> None:
    """One credit too few is 402; the exact price is enough."""
    meshy.simulator.meshy.account.credits = 19
    assert costs_nothing(meshy, meshy.create("text-to-3d", preview()), 402)
    meshy.simulator.meshy.account.credits = 20
    assert meshy.created("text-to-3d", preview())
    assert meshy.balance() == 0


def test_the_free_plan_creates_nothing(meshy: Meshy) -> None:
    """On the free plan every create is 402 with its own text, while reading goes on."""
    task_id = meshy.created("text-to-3d", preview())
    meshy.simulator.settle(task_id, "succeeded")
    meshy.simulator.meshy.account.free_plan = True
    answer = meshy.create("image-to-3d", image())
    assert costs_nothing(meshy, answer, 402)
    assert answer.json()["message"].startswith(FREE_PLAN)
    assert meshy.task("text-to-3d", task_id)["id"] == task_id


@pytest.mark.parametrize("fault", [Fault.ANSWER_5XX, Fault.ANSWER_5XX_AFTER_ACCEPT])
def test_a_server_error_leaves_the_outcome_open(meshy: Meshy, fault: Fault) -> None:
    """After a 5xx a task exists or not; only the book, or the list, can tell."""
    meshy.simulator.script(Rule(fault=fault, provider="meshy", operation="create"))
    answer = meshy.create("text-to-3d", preview())
    assert 500 <= answer.status_code <= 599
    accepted = fault is Fault.ANSWER_5XX_AFTER_ACCEPT
    assert len(meshy.simulator.book("meshy").tasks) == accepted
    assert len(meshy.page("text-to-3d")) == accepted
    assert meshy.balance() == 1_000_000 - 20 * accepted


def failed(meshy: Meshy, **options: Any) -> dict[str, Any]:
    meshy.simulator.script(Rule(fault=Fault.TASK_FAILED, provider="meshy", options=options))
    task = meshy.run("image-to-3d", image())
    assert task["status"] == "FAILED"
    error: dict[str, Any] = task["task_error"]
    return error


@pytest.mark.parametrize("kind", TYPES)
def test_a_failure_has_a_type_and_a_message(meshy: Meshy, kind: str) -> None:
    """A failed task's error always has type and message; code and doc_url may be missing."""
    error = failed(meshy, type=kind, message="It did not work.")
    assert (error["type"], error["message"]) == (kind, "It did not work.")
    assert set(error) <= {"type", "message", "code", "doc_url"}


@pytest.mark.parametrize("code", CODES)
def test_a_failure_may_have_a_code(meshy: Meshy, code: str) -> None:
    """A code goes with type and message; a doc_url names it, where there is one."""
    error = failed(meshy, type="invalid_input", code=code, message="It did not work.")
    assert error["code"] == code
    assert error["type"]
    if error.get("doc_url"):
        assert DOC_URL.match(error["doc_url"])


def test_a_failure_without_options_is_complete(meshy: Meshy) -> None:
    """TASK_FAILED by itself has a documented type and a message."""
    error = failed(meshy)
    assert error["type"] in TYPES
    assert error["message"]


def test_a_failed_task_costs_nothing(meshy: Meshy) -> None:
    """FAILED: consumed_credits is 0, the credits are back, there is no model."""
    before = meshy.balance()
    meshy.simulator.script(Rule(fault=Fault.TASK_FAILED, provider="meshy"))
    task = meshy.run("image-to-3d", image())
    assert (task["status"], task["consumed_credits"]) == ("FAILED", 0)
    assert task["finished_at"] > 0
    assert not task.get("model_urls")
    assert meshy.balance() == before
    book = meshy.simulator.book("meshy")
    assert (book.tasks[0].credits_charged, book.tasks[0].credits_refunded) == (30, 30)
    assert book.credits_spent == 0


def test_a_timeout_is_a_failure(meshy: Meshy) -> None:
    """TASK_TIMEOUT ends FAILED with type timeout."""
    meshy.simulator.script(Rule(fault=Fault.TASK_TIMEOUT, provider="meshy"))
    task = meshy.run("image-to-3d", image())
    assert (task["status"], task["task_error"]["type"]) == ("FAILED", "timeout")


def test_moderation_is_a_failure_of_the_task(meshy: Meshy) -> None:
    """MODERATED on a task ends FAILED with moderation_blocked, and costs nothing."""
    meshy.simulator.script(Rule(fault=Fault.MODERATED, provider="meshy", operation="task"))
    task = meshy.run("image-to-3d", image(moderation=True))
    assert (task["status"], task["task_error"]["code"]) == ("FAILED", "moderation_blocked")
    assert task["consumed_credits"] == 0


def test_an_expired_task_is_not_usable(meshy: Meshy) -> None:
    """TASK_EXPIRED: EXPIRED, which only unofficial sources know, or 404 (both tolerated)."""
    meshy.simulator.script(Rule(fault=Fault.TASK_EXPIRED, provider="meshy"))
    task_id = meshy.created("image-to-3d", image())
    meshy.simulator.clock.advance(3600)
    answer = meshy.get("image-to-3d", task_id)
    assert answer.status_code == 404 or answer.json()["status"] == "EXPIRED"


def test_stuck_at_99_stays_there(meshy: Meshy) -> None:
    """STUCK_AT_99: IN_PROGRESS between 95 and 99 % for hours."""
    meshy.simulator.script(Rule(fault=Fault.STUCK_AT_99, provider="meshy"))
    task_id = meshy.created("image-to-3d", image())
    meshy.simulator.clock.advance(6 * 3600)
    task = meshy.task("image-to-3d", task_id)
    assert task["status"] == "IN_PROGRESS"
    assert 95 <= task["progress"] <= 99
