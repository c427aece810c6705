from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import httpx
import pytest

from tests.conformance.door import DOORS, Door, in_haste
from tests.conformance.pictures import picture
from worker.simulator import Fault, Rule, Simulator

MESHY, TRIPO = DOORS
PICTURE = picture()
STATUSES = {Fault.ANSWER_5XX: 500, Fault.RATE_LIMITED: 429, Fault.UNAUTHORISED: 401}
SILENCES = (Fault.NO_ANSWER, Fault.CONNECTION_REFUSED_OR_RESET)


@dataclass(frozen=True)
class Request:
    door: Door
    operation: Literal["get", "list", "cancel", "balance", "upload"]
    send: Callable[[httpx.Client, str], httpx.Response]  # with the id of a task that waits

    def __str__(self) -> str:
        return f"{self.door}-{self.operation}"


REQUESTS = (
    Request(MESHY, "get", lambda http, task: http.get(f"{MESHY.look}/{task}")),
    Request(MESHY, "list", lambda http, _: http.get(MESHY.look)),
    Request(MESHY, "cancel", lambda http, task: http.delete(f"{MESHY.look}/{task}")),
    Request(MESHY, "balance", lambda http, _: http.get("/openapi/v1/balance")),
    Request(TRIPO, "get", lambda http, task: http.get(f"{TRIPO.look}/{task}")),
    Request(TRIPO, "list", lambda http, _: http.get("/v3/account/usage")),
    Request(TRIPO, "balance", lambda http, _: http.get("/v3/account/balance")),
    Request(TRIPO, "upload", lambda http, _: http.post("/v3/files", files={"file": PICTURE})),
)

each_request = pytest.mark.parametrize("request_", REQUESTS, ids=str)


def script(simulator: Simulator, request: Request, fault: Fault) -> None:
    provider, operation = request.door.provider, request.operation
    simulator.script(Rule(fault=fault, provider=provider, operation=operation, times=1))


@each_request
@pytest.mark.parametrize("fault", STATUSES, ids=lambda fault: fault.name)
def test_a_refusal_meets_any_request(simulator: Simulator, request_: Request, fault: Fault) -> None:
    """Server errors, the rate and a bad key meet every operation, once, and change no task."""
    with request_.door.open(simulator) as http:
        task_id = request_.door.created(http)
        script(simulator, request_, fault)
        assert request_.send(http, task_id).status_code == STATUSES[fault]
        (task,) = simulator.book(request_.door.provider).tasks
        assert task.status in {"PENDING", "queued"}
        assert request_.send(http, task_id).is_success


@each_request
@pytest.mark.parametrize("fault", SILENCES, ids=lambda fault: fault.name)
def test_silence_meets_any_request(simulator: Simulator, request_: Request, fault: Fault) -> None:
    """A hanging or broken connection meets every operation, once."""
    with request_.door.open(simulator) as http:
        task_id = request_.door.created(http)
        script(simulator, request_, fault)
        with in_haste(http), pytest.raises(httpx.TransportError):
            request_.send(http, task_id)
        assert request_.send(http, task_id).is_success
