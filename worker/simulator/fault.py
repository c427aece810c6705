"""What can be made to go wrong, and where it can."""

from enum import StrEnum
from typing import Literal, get_args

ProviderName = Literal["meshy", "tripo"]
Operation = Literal[
    "create", "get", "list", "stream", "cancel", "balance", "upload", "download", "webhook", "task"
]
PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)
OPERATIONS: tuple[Operation, ...] = get_args(Operation)


class Fault(StrEnum):
    ANSWER_DROPPED = "answer_dropped"
    ANSWER_5XX_AFTER_ACCEPT = "answer_5xx_after_accept"
    ANSWER_5XX = "answer_5xx"
    ACCEPTED_LATE = "accepted_late"
    MALFORMED_2XX = "malformed_2xx"
    NO_ANSWER = "no_answer"
    CONNECTION_REFUSED_OR_RESET = "connection_refused_or_reset"
    RATE_LIMITED = "rate_limited"
    NO_SLOT = "no_slot"
    OUT_OF_CREDIT = "out_of_credit"
    FREE_PLAN = "free_plan"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    INVALID = "invalid"
    NOT_FOUND = "not_found"
    MODERATED = "moderated"
    STUCK_PENDING = "stuck_pending"
    STUCK_AT_99 = "stuck_at_99"
    TASK_FAILED = "task_failed"
    TASK_TIMEOUT = "task_timeout"
    TASK_EXPIRED = "task_expired"
    CANCEL_REFUSED = "cancel_refused"
    LIST_LAGS = "list_lags"
    STREAM_ENDS = "stream_ends"
    STREAM_HANGS = "stream_hangs"
    STREAM_ERROR_AFTER_200 = "stream_error_after_200"
    URL_EXPIRED = "url_expired"
    DOWNLOAD_TRUNCATED = "download_truncated"
    DOWNLOAD_SLOW = "download_slow"
    DOWNLOAD_ERROR_PAGE = "download_error_page"
    FORMAT_MISSING = "format_missing"
    WEBHOOK_DUPLICATE = "webhook_duplicate"
    WEBHOOK_FORGED = "webhook_forged"
    WEBHOOK_LATE = "webhook_late"
    WEBHOOK_REORDERED = "webhook_reordered"
    WEBHOOK_BEFORE_ANSWER = "webhook_before_answer"
    WEBHOOK_LOST = "webhook_lost"


Operations = frozenset[Operation]

CALLS: Operations = frozenset({"create", "get", "list", "stream", "cancel", "balance", "upload"})
REQUESTS: Operations = CALLS | {"download"}
WRITES: Operations = frozenset({"create", "cancel", "upload"})
CREATE: Operations = frozenset({"create"})
STREAM: Operations = frozenset({"stream"})
DOWNLOAD: Operations = frozenset({"download"})
TASK: Operations = frozenset({"task"})
WEBHOOK: Operations = frozenset({"webhook"})

APPLIES: dict[Fault, Operations] = {
    Fault.ANSWER_DROPPED: REQUESTS,
    Fault.ANSWER_5XX_AFTER_ACCEPT: WRITES,
    Fault.ANSWER_5XX: REQUESTS,
    Fault.ACCEPTED_LATE: CREATE,
    Fault.MALFORMED_2XX: CALLS - STREAM,
    Fault.NO_ANSWER: REQUESTS,
    Fault.CONNECTION_REFUSED_OR_RESET: REQUESTS,
    Fault.RATE_LIMITED: CALLS,
    Fault.NO_SLOT: CREATE,
    Fault.OUT_OF_CREDIT: CREATE,
    Fault.FREE_PLAN: CREATE,
    Fault.UNAUTHORISED: CALLS,
    Fault.FORBIDDEN: CALLS,
    Fault.INVALID: CALLS,
    Fault.NOT_FOUND: REQUESTS,
    Fault.MODERATED: CREATE | TASK,
    Fault.STUCK_PENDING: TASK,
    Fault.STUCK_AT_99: TASK,
    Fault.TASK_FAILED: TASK,
    Fault.TASK_TIMEOUT: TASK,
    Fault.TASK_EXPIRED: TASK,
    Fault.CANCEL_REFUSED: frozenset({"cancel"}),
    Fault.LIST_LAGS: frozenset({"list"}),
    Fault.STREAM_ENDS: STREAM,
    Fault.STREAM_HANGS: STREAM,
    Fault.STREAM_ERROR_AFTER_200: STREAM,
    Fault.URL_EXPIRED: DOWNLOAD,
    Fault.DOWNLOAD_TRUNCATED: DOWNLOAD,
    Fault.DOWNLOAD_SLOW: DOWNLOAD,
    Fault.DOWNLOAD_ERROR_PAGE: DOWNLOAD,
    Fault.FORMAT_MISSING: TASK,
    Fault.WEBHOOK_DUPLICATE: WEBHOOK,
    Fault.WEBHOOK_FORGED: WEBHOOK,
    Fault.WEBHOOK_LATE: WEBHOOK,
    Fault.WEBHOOK_REORDERED: WEBHOOK,
    Fault.WEBHOOK_BEFORE_ANSWER: WEBHOOK,
    Fault.WEBHOOK_LOST: WEBHOOK,
}

OFFERED: dict[ProviderName, Operations] = {
    "meshy": frozenset(OPERATIONS) - {"upload"},
    "tripo": frozenset(OPERATIONS) - {"stream", "cancel"},
}
MESHY_ONLY = frozenset({Fault.FREE_PLAN})


def operations_of(fault: Fault, provider: ProviderName) -> Operations:
    """Where it can happen at that provider."""
    if fault in MESHY_ONLY and provider != "meshy":
        return frozenset()
    return APPLIES[fault] & OFFERED[provider]


def usual_operations_of(fault: Fault, provider: ProviderName) -> Operations:
    """Where a rule that names no operation lets it happen."""
    if fault is Fault.MODERATED and provider == "meshy":
        return TASK  # Meshy's pages know a moderated task, and no refused request
    return operations_of(fault, provider)
