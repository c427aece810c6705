"""Meshy's words for what went wrong."""

from collections.abc import Mapping
from typing import Any

from worker.simulator.call import Refusal
from worker.simulator.fault import Fault
from worker.simulator.plan import Phase
from worker.simulator.script import Rule
from worker.simulator.task import TaskError

RATE_LIMIT = "RateLimitExceeded"
FREE_PLAN = (
    "NoMorePendingTasks: Task creation on the free plan is no longer supported."
    " Please upgrade your plan to create tasks."
)
NO_CREDIT = "Insufficient credits to perform this task"
BAD_KEY = "Invalid API key"
NO_TASK = "Task not found"
NO_ROUTE = "Not Found"
NO_BROWSERS = "Forbidden: the API can't be called from a browser"
MODERATED = "Your input was blocked by content moderation"
POSE = "Pose estimation failed. Please check the model and try again"
DOCS = "https://docs.meshy.ai/en/api/errors#"
RETRY_SECONDS = "1"
UNPOSED = 422


def of_fault(rule: Rule, queue_full: str) -> Refusal:
    status, message = {
        Fault.ANSWER_5XX: (500, "Internal server error"),
        Fault.ANSWER_5XX_AFTER_ACCEPT: (500, "Internal server error"),
        Fault.RATE_LIMITED: (429, RATE_LIMIT),
        Fault.NO_SLOT: (429, queue_full),
        Fault.OUT_OF_CREDIT: (402, NO_CREDIT),
        Fault.FREE_PLAN: (402, FREE_PLAN),
        Fault.UNAUTHORISED: (401, BAD_KEY),
        Fault.FORBIDDEN: (403, "Forbidden"),
        Fault.INVALID: (400, "Invalid request"),
        Fault.NOT_FOUND: (404, NO_TASK),
        Fault.MODERATED: (400, MODERATED),
    }[rule.fault]
    options = rule.options
    if options.get("status") == UNPOSED:
        message = POSE
    headers = {"retry-after": str(options["retry_after"])} if "retry_after" in options else {}
    return Refusal(
        int(options.get("status", status)), str(options.get("message", message)), headers=headers
    )


def of_task_fault(rule: Rule) -> TaskError:
    match rule.fault:
        case Fault.TASK_TIMEOUT:
            usual = TaskError("timeout", "The task timed out", "timeout")
        case Fault.MODERATED:
            usual = TaskError("invalid_input", MODERATED, "moderation_blocked")
        case _:
            usual = TaskError("server_error", "Something went wrong on our side")
    return _changed(usual, rule.options)


def of_ending(phase: Phase, options: Mapping[str, Any]) -> TaskError | None:
    if phase is not Phase.FAILED:
        return None
    return _changed(TaskError("server_error", "Something went wrong on our side"), options)


def corrupt(message: str) -> TaskError:
    return TaskError("invalid_input", message, "invalid_input", _doc_url("invalid_input"))


def shown(error: TaskError) -> dict[str, Any]:
    optional = {"code": error.code, "doc_url": error.doc_url}
    return {
        "type": error.type,
        "message": error.message,
        **{name: value for name, value in optional.items() if value is not None},
    }


def _changed(usual: TaskError, options: Mapping[str, Any]) -> TaskError:
    code = options.get("code", options.get("error_code", usual.code))
    return TaskError(
        options.get("type", usual.type),
        options.get("message", usual.message),
        code,
        _doc_url(str(code)) if code else None,
    )


def _doc_url(code: str) -> str:
    return DOCS + code.replace("_", "-")
