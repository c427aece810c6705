"""What Meshy's statuses, messages, types and codes mean."""

import re
from collections.abc import Mapping
from typing import Any

from worker.providers.call import Answer, NoAnswer, Reply
from worker.providers.failure import Failure, Kind
from worker.providers.fields import entries, text
from worker.providers.redaction import clean_failure
from worker.providers.retry_after import retry_after

STATUSES = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UNAUTHORISED,
    402: Kind.OUT_OF_CREDIT,
    403: Kind.UNAUTHORISED,
    404: Kind.NOT_FOUND,
    408: Kind.UNAVAILABLE,
    409: Kind.INVALID_REQUEST,
    422: Kind.INVALID_REQUEST,
    429: Kind.RATE_LIMITED,
}

# Errors carry no code: a token stands in the message, at times within a sentence. The free plan's
# refusal (402) names one of the tokens of a full queue (429): the status comes first.
TOKENS = {
    (402, "NoMorePendingTasks"): (Kind.OUT_OF_CREDIT, "free_plan"),
    (402, "free plan"): (Kind.OUT_OF_CREDIT, "free_plan"),
    (402, "InsufficientCredits"): (Kind.OUT_OF_CREDIT, "InsufficientCredits"),
    (429, "NoMoreConcurrentTasks"): (Kind.NO_SLOT, "NoMoreConcurrentTasks"),
    (429, "NoMorePendingTasks"): (Kind.NO_SLOT, "NoMorePendingTasks"),
    (429, "TooManyPendingTasks"): (Kind.NO_SLOT, "TooManyPendingTasks"),
    (429, "RateLimitExceeded"): (Kind.RATE_LIMITED, "RateLimitExceeded"),
    (422, "pose estimation"): (Kind.INVALID_REQUEST, "not_riggable"),
}

TASK_CODES = {
    "moderation_blocked": Kind.MODERATED,
    "timeout": Kind.TASK_FAILED_RETRYABLE,
    "image_too_complex": Kind.TASK_FAILED,
    "model_missing_uv": Kind.TASK_FAILED,
    "model_insufficient_uv": Kind.TASK_FAILED,
    "invalid_input": Kind.TASK_FAILED,
    "format_conversion_failed": Kind.TASK_FAILED,
}

TASK_TYPES = {
    "invalid_input": Kind.TASK_FAILED,
    "timeout": Kind.TASK_FAILED_RETRYABLE,
    "service_unavailable": Kind.TASK_FAILED_RETRYABLE,
    "server_error": Kind.TASK_FAILED_RETRYABLE,
}

_MODERATED = re.compile(r"moderat|content polic|nsfw|inappropriate", re.IGNORECASE)
_EXPIRED = re.compile(r"expired", re.IGNORECASE)
_SERVER_ERRORS = 500


def failure_of(reply: Reply) -> Failure:
    if isinstance(reply, NoAnswer):
        return clean_failure(Kind.UNAVAILABLE, reply.reason)
    body = entries(reply.json())
    message = text(body.get("message"))
    kind, code = _meaning(reply.status, message)
    return clean_failure(
        kind,
        message or f"HTTP {reply.status} without a message",
        code="/".join(part for part in (str(reply.status), code) if part),
        retry_after=retry_after(reply.headers),
        raw=body or None,
    )


def _meaning(status: int, message: str) -> tuple[Kind, str]:
    for (at, token), meaning in TOKENS.items():
        if at == status and token.lower() in message.lower():
            return meaning
    if 400 <= status < _SERVER_ERRORS:  # noqa: PLR2004  # where HTTP's refusals begin
        if status in (400, 403, 422) and _MODERATED.search(message):
            return Kind.MODERATED, "moderation_blocked"
        if status == 403 and not message:  # noqa: PLR2004  # a firewall's page: Meshy gives a reason
            return Kind.UNAVAILABLE, ""
        return STATUSES.get(status, Kind.INVALID_REQUEST), ""
    return Kind.UNAVAILABLE, ""


def is_gone(answer: Answer) -> bool:
    """A 404 of Meshy's own. A proxy's page says nothing about a task."""
    return answer.status == 404 and "message" in entries(answer.json())  # noqa: PLR2004  # HTTP's own number


def gone(answer: Answer) -> Failure:
    message = text(entries(answer.json()).get("message"))
    kind = Kind.TASK_EXPIRED if _EXPIRED.search(message) else Kind.NOT_FOUND
    return clean_failure(kind, message, code="404")


def task_failure(task: Mapping[str, Any]) -> Failure:
    error = entries(task.get("task_error"))
    kind_of, code = text(error.get("type")), text(error.get("code"))
    message = text(error.get("message"))
    kind = TASK_CODES.get(code) or TASK_TYPES.get(kind_of, Kind.TASK_FAILED)
    if kind is not Kind.MODERATED and _MODERATED.search(message):
        kind = Kind.MODERATED
    return clean_failure(
        kind,
        message or "the task failed without a reason",
        code="/".join(part for part in (kind_of, code) if part),
        raw=dict(error) or None,
    )


def task_expired() -> Failure:
    return clean_failure(Kind.TASK_EXPIRED, "the task and its files are gone", code="EXPIRED")
