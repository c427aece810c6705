"""A request and its answer as the metrics name them: few words, so that series stay few."""

from worker.providers.call import Answer, Call, NoAnswer, Reply

TELLING = frozenset(
    (200, 201, 202, 204, 400, 401, 402, 403, 404, 409, 413, 422, 429, 500, 502, 503)
)


def operation_of(call: Call) -> str:
    if call.paid:
        return "submit"
    if call.file:
        return "upload"
    return "cancel" if call.method == "DELETE" else "ask"


def status_of(reply: Reply) -> str:
    match reply:
        case Answer(status):
            return shown(status)
        case NoAnswer(sent):
            return "no_answer" if sent else "not_sent"


def shown(status: int) -> str:
    """One by one where that tells something: whatever else may come must not be a series each."""
    return str(status) if status in TELLING else f"{status // 100}xx"
