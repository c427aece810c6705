import httpx

from tests.conformance.meshy.api import Meshy


def is_error(answer: httpx.Response, *statuses: int) -> bool:
    """An HTTP error's body is a message and nothing else."""
    assert answer.status_code in statuses, (answer.status_code, answer.text)
    body = answer.json()
    assert set(body) == {"message"}, body
    assert isinstance(body["message"], str)
    return bool(body["message"])


def costs_nothing(meshy: Meshy, answer: httpx.Response, *statuses: int) -> bool:
    """A refused create leaves no task behind; predecessors, which have ended, do not count."""
    assert is_error(answer, *statuses)
    return not any(task.status == "PENDING" for task in meshy.simulator.book("meshy").tasks)
