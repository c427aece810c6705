"""Tripo's codes: the HTTP status comes first, for codes changed meaning between versions."""

from collections.abc import Mapping
from typing import Any

from worker.simulator.call import Refusal
from worker.simulator.fault import Fault
from worker.simulator.plan import Phase
from worker.simulator.script import Rule
from worker.simulator.task import TaskError

SUGGESTIONS = {
    401: "Check the API key in the Authorization header.",
    403: "Check your balance and permissions in the console.",
    404: "Check the id or the path.",
    429: "Slow down and try again later.",
    500: "Try again later; contact support with the request id if it persists.",
}
USUAL_SUGGESTION = "Check the parameters against the documentation."
SLOT_RETRY_SECONDS = 10


def invalid(message: str) -> Refusal:
    return Refusal(400, message, 1004)


def malformed(message: str) -> Refusal:
    return Refusal(400, message, 1003)


def no_task() -> Refusal:
    return Refusal(404, "Task not found", 2001)


def no_route() -> Refusal:
    return Refusal(404, "Route not found", 4001)


def wrong_source() -> Refusal:
    return Refusal(400, "The type of the input task is not supported by this operation", 2006)


def source_not_done() -> Refusal:
    return Refusal(400, "The input task has not succeeded", 2007)


def file_missing() -> Refusal:
    return Refusal(400, "The file does not exist or has expired", 2019)


def empty_file() -> Refusal:
    return Refusal(400, "The file is empty", 2003)


def file_type() -> Refusal:
    return Refusal(400, "This type of file is not supported", 2004)


def file_size(message: str) -> Refusal:
    return Refusal(400, message, 2021)


def no_credit() -> Refusal:
    return Refusal(403, "You don't have enough credits to create this task", 2010)


def rate_limited() -> Refusal:
    return Refusal(429, "You have exceeded the request rate limit", 1007)


def pool_full() -> Refusal:
    headers = {"retry-after": str(SLOT_RETRY_SECONDS)}
    return Refusal(429, "You have exceeded the limit of concurrent tasks", 2000, headers)


def of_fault(rule: Rule, bad_key_code: int) -> Refusal:
    usual = {
        Fault.ANSWER_5XX: Refusal(500, "Internal server error", 1000),
        Fault.ANSWER_5XX_AFTER_ACCEPT: Refusal(500, "Internal server error", 1000),
        Fault.RATE_LIMITED: rate_limited(),
        Fault.NO_SLOT: pool_full(),
        Fault.OUT_OF_CREDIT: no_credit(),
        Fault.UNAUTHORISED: Refusal(401, "Invalid API key", bad_key_code),
        Fault.FORBIDDEN: Refusal(403, "Forbidden", 1005),
        Fault.INVALID: invalid("Invalid parameter"),
        Fault.NOT_FOUND: no_task(),
        Fault.MODERATED: Refusal(400, "The input violates our content policy", 2008),
    }[rule.fault]
    options = rule.options
    usual.status = int(options.get("status", usual.status))
    usual.message = str(options.get("message", usual.message))
    usual.code = int(options.get("code", options.get("error_code", usual.code)))
    if "retry_after" in options:
        usual.headers["retry-after"] = str(options["retry_after"])
    return usual


def of_task_fault(rule: Rule) -> TaskError:
    match rule.fault:
        case Fault.MODERATED:
            usual = TaskError("", "The result violates our content policy", 2008)
        case Fault.TASK_TIMEOUT:
            usual = TaskError("", "The task timed out", 1001)
        case _:
            usual = TaskError("", "The task failed")
    return _changed(usual, rule.options)


def of_ending(phase: Phase, options: Mapping[str, Any]) -> TaskError | None:
    match phase:
        case Phase.FAILED:
            return _changed(TaskError("", "The task failed"), options)
        case Phase.EXPIRED:
            return _changed(TaskError("", "The task waited too long in the queue", 2018), options)
    return None


def _changed(usual: TaskError, options: Mapping[str, Any]) -> TaskError:
    code = options.get("error_code", options.get("code", usual.code))
    return TaskError("", options.get("error_message", options.get("message", usual.message)), code)
