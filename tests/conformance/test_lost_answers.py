import contextlib

import httpx
import pytest

from tests.conformance.door import DOORS, Door, in_haste
from tests.conformance.patience import eventually
from worker.simulator import Fault, Rule, Simulator

BROKEN = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError, httpx.ConnectError)

each_door = pytest.mark.parametrize("door", DOORS, ids=str)


def script(simulator: Simulator, door: Door, fault: Fault, **options: float) -> None:
    simulator.script(
        Rule(fault=fault, provider=door.provider, operation="create", times=1, options=options)
    )


def booked(simulator: Simulator, door: Door) -> int:
    return len(simulator.book(door.provider).tasks)


@each_door
def test_an_answer_may_be_dropped(simulator: Simulator, door: Door) -> None:
    """ANSWER_DROPPED: the connection closes without an answer, and a task is there and paid."""
    script(simulator, door, Fault.ANSWER_DROPPED)
    with door.open(simulator) as http, pytest.raises(BROKEN):
        door.create(http)
    (task,) = simulator.book(door.provider).tasks
    assert not task.answer_delivered
    assert task.credits_charged == 20


@each_door
@pytest.mark.parametrize("fault", [Fault.ANSWER_5XX_AFTER_ACCEPT, Fault.ANSWER_5XX])
def test_a_5xx_may_have_accepted(simulator: Simulator, door: Door, fault: Fault) -> None:
    """Both look the same from outside; only one of them left a task."""
    script(simulator, door, fault)
    with door.open(simulator) as http:
        assert 500 <= door.create(http).status_code <= 599
    assert booked(simulator, door) == (fault is Fault.ANSWER_5XX_AFTER_ACCEPT)


@each_door
def test_a_request_may_be_accepted_late(simulator: Simulator, door: Door) -> None:
    """ACCEPTED_LATE: nothing when the client gave up; a task when the seconds have passed."""
    script(simulator, door, Fault.ACCEPTED_LATE, seconds=30)
    with door.open(simulator) as http, in_haste(http), pytest.raises(httpx.ReadTimeout):
        door.create(http)
    eventually(lambda: simulator.book(door.provider).open_connections == 0)
    simulator.clock.advance(20)
    assert booked(simulator, door) == 0
    simulator.clock.advance(15)
    eventually(lambda: booked(simulator, door) == 1)
    assert not simulator.book(door.provider).tasks[0].answer_delivered


@each_door
def test_a_2xx_may_be_unreadable(simulator: Simulator, door: Door) -> None:
    """MALFORMED_2XX: a success that names no task."""
    script(simulator, door, Fault.MALFORMED_2XX)
    with door.open(simulator) as http:
        answer = door.create(http)
        assert answer.is_success
        with pytest.raises((ValueError, KeyError, TypeError)):
            door.task_id(answer.json())


@each_door
def test_no_answer_may_come(simulator: Simulator, door: Door) -> None:
    """NO_ANSWER: the request hangs and nothing is accepted, then or later."""
    script(simulator, door, Fault.NO_ANSWER)
    with door.open(simulator) as http, in_haste(http), pytest.raises(httpx.ReadTimeout):
        door.create(http)
    simulator.clock.advance(3600)
    assert booked(simulator, door) == 0


@each_door
def test_a_connection_may_break(simulator: Simulator, door: Door) -> None:
    """CONNECTION_REFUSED_OR_RESET: it breaks before anything was accepted."""
    script(simulator, door, Fault.CONNECTION_REFUSED_OR_RESET)
    with door.open(simulator) as http, pytest.raises(BROKEN):
        door.create(http)
    assert booked(simulator, door) == 0


@each_door
@pytest.mark.parametrize(
    "fault",
    [Fault.ANSWER_DROPPED, Fault.NO_ANSWER, Fault.MALFORMED_2XX, Fault.CONNECTION_REFUSED_OR_RESET],
)
def test_the_next_request_is_well_again(simulator: Simulator, door: Door, fault: Fault) -> None:
    """A fault that is scripted once happens once."""
    script(simulator, door, fault)
    with door.open(simulator) as http:
        with in_haste(http), contextlib.suppress(httpx.TransportError):
            door.create(http)
        before = booked(simulator, door)
        assert door.created(http)
    assert booked(simulator, door) == before + 1


@each_door
@pytest.mark.parametrize(
    "fault", [Fault.NO_ANSWER, Fault.CONNECTION_REFUSED_OR_RESET, Fault.MALFORMED_2XX]
)
def test_a_look_fails_as_a_create_does(simulator: Simulator, door: Door, fault: Fault) -> None:
    """The same faults meet a GET, and do nothing to the task."""
    with door.open(simulator) as http:
        task_id = door.created(http)
        simulator.script(Rule(fault=fault, provider=door.provider, operation="get", times=1))
        expected = (httpx.TransportError, ValueError, KeyError, TypeError)
        with in_haste(http), pytest.raises(expected):
            door.model(http, task_id)
        simulator.settle(task_id, "succeeded")
        assert door.model(http, task_id)


@each_door
def test_no_connection_stays_open(simulator: Simulator, door: Door) -> None:
    """The book's count of open connections falls to 0 when the client has closed."""
    with door.open(simulator) as http:
        door.created(http)
    eventually(lambda: simulator.book(door.provider).open_connections == 0)
