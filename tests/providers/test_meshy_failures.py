"""Every status, token, type and code of Meshy's documentation is mapped."""

from typing import Any

import pytest

from tests.providers.orders import PREVIEWED, answer
from worker.providers.failure import Kind
from worker.providers.meshy import Meshy
from worker.providers.meshy.failures import STATUSES, TASK_CODES, TASK_TYPES, TOKENS
from worker.providers.outcome import Failed

REFUSALS = [
    (400, "Invalid model file extension: .3dm", Kind.INVALID_REQUEST, "400"),
    (400, "prompt was flagged by moderation", Kind.MODERATED, "400/moderation_blocked"),
    (401, "Invalid API key", Kind.UNAUTHORISED, "401"),
    (402, "Insufficient credits", Kind.OUT_OF_CREDIT, "402"),
    (
        402,
        "NoMorePendingTasks: Task creation on the free plan is no longer supported. Upgrade",
        Kind.OUT_OF_CREDIT,
        "402/free_plan",
    ),
    (403, "Forbidden", Kind.UNAUTHORISED, "403"),
    (404, "Task not found", Kind.NOT_FOUND, "404"),
    (409, "Task is in progress", Kind.INVALID_REQUEST, "409"),
    (422, "Pose estimation failed", Kind.INVALID_REQUEST, "422/not_riggable"),
    (429, "RateLimitExceeded", Kind.RATE_LIMITED, "429/RateLimitExceeded"),
    (429, "NoMoreConcurrentTasks", Kind.NO_SLOT, "429/NoMoreConcurrentTasks"),
    (429, "NoMorePendingTasks", Kind.NO_SLOT, "429/NoMorePendingTasks"),
    (429, "TooManyPendingTasks", Kind.NO_SLOT, "429/TooManyPendingTasks"),
    (429, "", Kind.RATE_LIMITED, "429"),
    (500, "InternalError", Kind.UNAVAILABLE, "500"),
    (502, "", Kind.UNAVAILABLE, "502"),
    (503, "", Kind.UNAVAILABLE, "503"),
    (418, "what is this", Kind.INVALID_REQUEST, "418"),
]

DOCUMENTED_STATUSES = {400, 401, 402, 403, 404, 409, 422, 429}
DOCUMENTED_TOKENS = {
    "RateLimitExceeded",
    "NoMoreConcurrentTasks",
    "NoMorePendingTasks",
    "TooManyPendingTasks",
    "InsufficientCredits",
}
DOCUMENTED_TYPES = {"invalid_input", "timeout", "service_unavailable", "server_error"}
DOCUMENTED_CODES = {
    "image_too_complex",
    "model_missing_uv",
    "model_insufficient_uv",
    "invalid_input",
    "moderation_blocked",
    "timeout",
    "format_conversion_failed",
}


def test_nothing_documented_is_unmapped() -> None:
    """A status, token, type or code that the documentation has stands in a table."""
    assert STATUSES.keys() >= DOCUMENTED_STATUSES
    assert {token for _, token in TOKENS} >= DOCUMENTED_TOKENS
    assert TASK_TYPES.keys() >= DOCUMENTED_TYPES
    assert TASK_CODES.keys() >= DOCUMENTED_CODES


@pytest.mark.parametrize(("status", "message", "kind", "code"), REFUSALS)
def test_refusal(status: int, message: str, kind: Kind, code: str) -> None:
    """The same status means different things by its message."""
    failure = Meshy().failure(answer(status, {"message": message}))
    assert (failure.kind, failure.code) == (kind, code)


def test_retry_after_is_told() -> None:
    """Seconds or a date, as the header says."""
    failure = Meshy().failure(answer(429, {"message": "RateLimitExceeded"}, retry_after="7"))
    assert failure.retry_after == 7


@pytest.mark.parametrize("body", [None, [], "<html>", {"message": None}, {"message": {"x": 1}}])
def test_refusal_with_a_strange_body(body: Any) -> None:
    """The status alone is enough."""
    failure = Meshy().failure(answer(401, body))
    assert failure.kind is Kind.UNAUTHORISED
    assert failure.detail


ENDS = [
    ({"type": "server_error", "message": "x"}, Kind.TASK_FAILED_RETRYABLE),
    ({"type": "service_unavailable", "message": "x"}, Kind.TASK_FAILED_RETRYABLE),
    ({"type": "timeout", "message": "x", "code": "timeout"}, Kind.TASK_FAILED_RETRYABLE),
    ({"type": "invalid_input", "message": "x"}, Kind.TASK_FAILED),
    ({"type": "invalid_input", "message": "x", "code": "image_too_complex"}, Kind.TASK_FAILED),
    ({"type": "invalid_input", "message": "x", "code": "moderation_blocked"}, Kind.MODERATED),
    (
        {"type": "server_error", "message": "x", "code": "format_conversion_failed"},
        Kind.TASK_FAILED,
    ),
    ({"type": "invalid_input", "message": "x", "code": "model_missing_uv"}, Kind.TASK_FAILED),
    ({"type": "server_error", "message": "x", "code": "new"}, Kind.TASK_FAILED_RETRYABLE),
    ({"type": "new", "message": "x"}, Kind.TASK_FAILED),
    ({"message": "blocked by content policy"}, Kind.MODERATED),
    ({"message": ""}, Kind.TASK_FAILED),
    (None, Kind.TASK_FAILED),
]


@pytest.mark.parametrize(("error", "kind"), ENDS)
def test_failed_task(error: Any, kind: Kind) -> None:
    """Only what Meshy calls temporary is worth a second paid task."""
    body = {"id": PREVIEWED.id, "status": "FAILED", "task_error": error, "consumed_credits": 0}
    state = Meshy().state(PREVIEWED, answer(200, body))
    assert isinstance(state, Failed)
    assert (state.failure.kind, state.credits) == (kind, 0)
    assert state.failure.detail
