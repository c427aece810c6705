"""Every status and code of Tripo's documentation is mapped."""

from typing import Any

import pytest

from tests.providers.orders import answer
from worker.providers.failure import Kind
from worker.providers.order import Task
from worker.providers.outcome import Failed
from worker.providers.tripo import Tripo
from worker.providers.tripo.failures import CODES, STATUSES

TASK = Task("convert", "task-1")

REFUSALS = [
    (401, 1002, Kind.UNAUTHORISED),
    (401, 2, Kind.UNAUTHORISED),
    (401, 1000, Kind.UNAUTHORISED),
    (401, 1001, Kind.UNAUTHORISED),
    (401, 2010, Kind.UNAUTHORISED),
    (400, 1003, Kind.INVALID_REQUEST),
    (400, 1004, Kind.INVALID_REQUEST),
    (400, 1000, Kind.INVALID_REQUEST),
    (403, 1005, Kind.UNAUTHORISED),
    (403, 2010, Kind.OUT_OF_CREDIT),
    (403, None, Kind.UNAUTHORISED),
    (404, 2001, Kind.NOT_FOUND),
    (404, 4001, Kind.INVALID_REQUEST),
    (429, 1007, Kind.RATE_LIMITED),
    (429, 2000, Kind.NO_SLOT),
    (429, None, Kind.RATE_LIMITED),
    (400, 2002, Kind.INVALID_REQUEST),
    (400, 2003, Kind.INVALID_REQUEST),
    (400, 2004, Kind.INVALID_REQUEST),
    (400, 2006, Kind.INVALID_REQUEST),
    (400, 2007, Kind.INVALID_REQUEST),
    (400, 2008, Kind.MODERATED),
    (403, 2008, Kind.MODERATED),
    (400, 2013, Kind.INVALID_REQUEST),
    (400, 2015, Kind.INVALID_REQUEST),
    (400, 2018, Kind.INVALID_REQUEST),
    (400, 2019, Kind.INVALID_REQUEST),
    (400, 2021, Kind.INVALID_REQUEST),
    (400, 2022, Kind.INVALID_REQUEST),
    (500, 1000, Kind.UNAVAILABLE),
    (500, 1001, Kind.UNAVAILABLE),
    (503, None, Kind.UNAVAILABLE),
]

DOCUMENTED_CODES = {code for status, code, _ in REFUSALS if code and status < 500}
DECIDED_BY_STATUS = {2, 1000, 1001}


def test_nothing_documented_is_unmapped() -> None:
    """A status or code that the documentation has stands in a table."""
    assert set(CODES) == DOCUMENTED_CODES - DECIDED_BY_STATUS
    assert STATUSES.keys() >= {400, 401, 403, 404, 429}


@pytest.mark.parametrize(("status", "code", "kind"), REFUSALS)
def test_refusal(status: int, code: int | None, kind: Kind) -> None:
    """The status comes first, then the code."""
    failure = Tripo().failure(answer(status, {"code": code, "message": "m", "suggestion": "s"}))
    assert failure.kind is kind
    assert failure.code == (f"{status}/{code}" if code is not None else str(status))
    assert failure.detail == "m s"


def test_a_full_pool_says_when_to_come_back() -> None:
    """Retry-After stands beside code 2000."""
    failure = Tripo().failure(answer(429, {"code": 2000, "message": "full"}, retry_after="12"))
    assert (failure.kind, failure.retry_after) == (Kind.NO_SLOT, 12)


def test_concurrency_without_its_code() -> None:
    """The message tells the two kinds of 429 apart where the code is missing."""
    failure = Tripo().failure(answer(429, {"message": "Concurrency limit reached"}))
    assert failure.kind is Kind.NO_SLOT


ENDS = [
    ({"error_code": 1000, "error_message": "x"}, Kind.TASK_FAILED_RETRYABLE),
    ({"error_code": 1001, "error_message": "x"}, Kind.TASK_FAILED_RETRYABLE),
    ({"error_code": 2008, "error_message": "x"}, Kind.MODERATED),
    ({"error_code": 2018, "error_message": "waited too long"}, Kind.TASK_EXPIRED),
    ({"error_code": 2018, "error_message": "Model too complex to remesh"}, Kind.TASK_FAILED),
    ({"error_code": 2003, "error_message": "x"}, Kind.TASK_FAILED),
    ({"error": {"code": 2008, "message": "x"}}, Kind.MODERATED),
    ({"error_code": 9999}, Kind.TASK_FAILED),
    ({"error_code": None, "error_message": None}, Kind.TASK_FAILED),
    ({"status": "banned"}, Kind.MODERATED),
    ({"status": "expired"}, Kind.TASK_EXPIRED),
    ({}, Kind.TASK_FAILED),
]


@pytest.mark.parametrize(("fields", "kind"), ENDS)
def test_failed_task(fields: dict[str, Any], kind: Kind) -> None:
    """Only a fault of Tripo's own servers is worth a second paid task."""
    body = {"code": 0, "data": {"task_id": TASK.id, "status": "failed", **fields}}
    state = Tripo().state(TASK, answer(200, body))
    assert isinstance(state, Failed)
    assert state.failure.kind is kind
    assert state.failure.detail
