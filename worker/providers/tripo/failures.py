"""What Tripo's statuses and codes mean.

The status comes first: codes 1000 and 1001 changed their meaning between versions, and want of
credit is a 403.
"""

from collections.abc import Mapping
from typing import Any

from worker.providers.call import Answer, NoAnswer, Reply
from worker.providers.failure import Failure, Kind
from worker.providers.fields import count, entries, text
from worker.providers.redaction import clean_failure
from worker.providers.retry_after import retry_after

STATUSES = {
    400: Kind.INVALID_REQUEST,
    401: Kind.UNAUTHORISED,
    402: Kind.OUT_OF_CREDIT,
    403: Kind.UNAUTHORISED,
    404: Kind.NOT_FOUND,
    408: Kind.UNAVAILABLE,
    413: Kind.INVALID_REQUEST,
    429: Kind.RATE_LIMITED,
}

# Codes that mean the same under every refusal.
CODES = {
    1002: Kind.UNAUTHORISED,
    1003: Kind.INVALID_REQUEST,
    1004: Kind.INVALID_REQUEST,
    1005: Kind.UNAUTHORISED,
    1007: Kind.RATE_LIMITED,
    2000: Kind.NO_SLOT,
    2001: Kind.NOT_FOUND,
    2002: Kind.INVALID_REQUEST,  # source of a type that can't be worked on
    2003: Kind.INVALID_REQUEST,  # empty file
    2004: Kind.INVALID_REQUEST,  # type of file
    2006: Kind.INVALID_REQUEST,  # the source is a task of another kind
    2007: Kind.INVALID_REQUEST,  # the source has not succeeded
    2008: Kind.MODERATED,
    2010: Kind.OUT_OF_CREDIT,
    2013: Kind.INVALID_REQUEST,  # priority
    2015: Kind.INVALID_REQUEST,  # version of the model is gone
    2018: Kind.INVALID_REQUEST,  # too complex to remesh
    2019: Kind.INVALID_REQUEST,  # file missing
    2021: Kind.INVALID_REQUEST,  # size of the file
    2022: Kind.INVALID_REQUEST,  # size of the file
    4001: Kind.INVALID_REQUEST,  # no such route
}

# The same codes as the end of a task that had been accepted.
TASK_CODES = {
    1000: Kind.TASK_FAILED_RETRYABLE,
    1001: Kind.TASK_FAILED_RETRYABLE,
    2000: Kind.TASK_FAILED_RETRYABLE,
    2008: Kind.MODERATED,
    2018: Kind.TASK_EXPIRED,
}

TOO_COMPLEX_OR_EXPIRED = 2018
NO_SUCH_TASK = 2001
_SERVER_ERRORS = 500


def failure_of(reply: Reply) -> Failure:
    if isinstance(reply, NoAnswer):
        return clean_failure(Kind.UNAVAILABLE, reply.reason)
    body = entries(reply.json())
    code = count(body.get("code"))
    return clean_failure(
        kind_of(reply.status, code, text(body.get("message"))),
        _told(body) or f"HTTP {reply.status} without a message",
        code="/".join(str(part) for part in (reply.status, code) if part is not None),
        retry_after=retry_after(reply.headers),
        raw=body or None,
    )


def kind_of(status: int, code: int | None, message: str = "") -> Kind:
    if status >= _SERVER_ERRORS or 300 <= status < 400 or status == 408:  # noqa: PLR2004  # HTTP's own numbers
        return Kind.UNAVAILABLE
    if status == 401:  # noqa: PLR2004  # HTTP's own number
        return Kind.UNAUTHORISED
    if code in CODES:
        return CODES[code]
    if status == 429 and "concurren" in message.lower():  # noqa: PLR2004  # HTTP's own number
        return Kind.NO_SLOT
    # A success whose body tells of an error that nobody knows; a firewall's page.
    if status < 300 or (status == 403 and code is None and not message):  # noqa: PLR2004  # HTTP's own numbers
        return Kind.UNAVAILABLE
    return STATUSES.get(status, Kind.INVALID_REQUEST)


def is_refusal(answer: Answer) -> bool:
    """A success whose body says, by a code that can be relied on, that it was none."""
    body = entries(answer.json())
    return count(body.get("code")) in CODES and not entries(body.get("data")).get("task_id")


def is_gone(reply: Reply) -> bool:
    return (
        isinstance(reply, Answer)
        and reply.status == 404  # noqa: PLR2004  # HTTP's own number
        and count(entries(reply.json()).get("code")) == NO_SUCH_TASK
    )


def task_failure(task: Mapping[str, Any]) -> Failure:
    error = entries(task.get("error"))
    code = count(task.get("error_code")) or count(error.get("code"))
    message = text(task.get("error_message") or task.get("error_msg") or error.get("message"))
    kind = TASK_CODES.get(code or 0, Kind.TASK_FAILED)
    if code == TOO_COMPLEX_OR_EXPIRED and "complex" in message.lower():
        kind = Kind.TASK_FAILED
    told = {"error_code": code, "error_message": message}
    return clean_failure(
        kind,
        message or "the task failed without a reason",
        code="" if code is None else str(code),
        raw=told if code or message else None,
    )


def named_failure(status: str) -> Failure:
    """Two statuses of the version before, which say by themselves what went wrong."""
    if status == "banned":
        return clean_failure(Kind.MODERATED, "the provider's content policy", code=status)
    return clean_failure(Kind.TASK_EXPIRED, "the task waited too long at the provider", code=status)


def _told(body: Mapping[str, Any]) -> str:
    return " ".join(part for name in ("message", "suggestion") if (part := text(body.get(name))))
