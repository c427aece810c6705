import httpx

from tests.conformance.tripo.api import Tripo


def is_error(answer: httpx.Response, status: int | tuple[int, ...], *codes: int) -> bool:
    """An error is an envelope of code, status, message, suggestion and request_id."""
    statuses = status if isinstance(status, tuple) else (status,)
    body = answer.json()
    assert set(body) == {"code", "status", "message", "suggestion", "request_id"}, body
    assert body["status"] == "error"
    assert body["message"]
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    assert body["code"] in codes, answer.text
    return True


def costs_nothing(
    tripo: Tripo, answer: httpx.Response, status: int | tuple[int, ...], *codes: int
) -> bool:
    """A rejected create freezes no credits and leaves no task that waits."""
    assert is_error(answer, status, *codes)
    assert tripo.balance()["frozen"] == 0
    return not any(task.status == "queued" for task in tripo.simulator.book("tripo").tasks)
