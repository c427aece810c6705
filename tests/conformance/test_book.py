import contextlib
from datetime import timedelta

import httpx
import pytest

from tests.conformance.door import DOORS, Door
from tests.conformance.patience import eventually
from tests.conformance.receiver import Receiver
from worker.simulator import Fault, Rule, Simulator

each_door = pytest.mark.parametrize("door", DOORS, ids=str)


@each_door
def test_a_task_is_booked_with_its_times(simulator: Simulator, door: Door) -> None:
    """A booked task knows its request, its price, and when it was made, begun and ended."""
    with door.open(simulator) as http:
        task_id = door.created(http)
        simulator.clock.advance(3600)
    (task,) = simulator.book(door.provider).tasks
    assert task.id == task_id
    assert task.body == door.body()
    assert task.started_at is not None
    assert task.finished_at is not None
    assert task.created_at <= task.started_at <= task.finished_at
    assert simulator.clock.now() - task.created_at == timedelta(hours=1)
    assert (task.credits_charged, task.credits_refunded) == (20, 0)


@each_door
def test_a_waiting_task_has_no_times_yet(simulator: Simulator, door: Door) -> None:
    """What has not begun has neither a start nor an end."""
    with door.open(simulator) as http:
        door.created(http)
    (task,) = simulator.book(door.provider).tasks
    assert (task.started_at, task.finished_at) == (None, None)


@each_door
def test_every_request_is_booked(simulator: Simulator, door: Door) -> None:
    """Each request has its moment, method, path and status; one without an answer has none."""
    dropped = Rule(fault=Fault.ANSWER_DROPPED, provider=door.provider, operation="create", after=1)
    simulator.script(dropped)
    with door.open(simulator) as http:
        task_id = door.created(http)
        with contextlib.suppress(httpx.TransportError):
            door.create(http)
        http.get(f"{door.look}/{task_id}")
    first, second, third = simulator.book(door.provider).requests
    assert (first.method, second.method, third.method) == ("POST", "POST", "GET")
    assert first.path.endswith(door.path)
    assert third.path.endswith(task_id)
    assert (second.status, third.status) == (None, 200)
    assert first.at == simulator.clock.now()


@each_door
def test_the_most_tasks_at_once_are_booked(simulator: Simulator, door: Door) -> None:
    """peak_concurrent is the most tasks that had not ended at one moment."""
    with door.open(simulator) as http:
        ids = [door.created(http) for _ in range(3)]
        for task_id in ids:
            simulator.settle(task_id, "succeeded")
        door.created(http)
    assert simulator.book(door.provider).peak_concurrent == 3


@each_door
def test_a_failure_is_paid_back(simulator: Simulator, door: Door) -> None:
    """credits_spent is what was charged less what came back."""
    with door.open(simulator) as http:
        for status in ("succeeded", "failed", "succeeded"):
            simulator.settle(door.created(http), status)
    assert simulator.book(door.provider).credits_spent == 40


@each_door
def test_deliveries_are_booked(simulator: Simulator, door: Door, receiver: Receiver) -> None:
    """The book knows the webhooks that were sent."""
    side = simulator.meshy if door.provider == "meshy" else simulator.tripo
    side.webhooks.register(receiver.url, "whsec_secret")
    assert not simulator.book(door.provider).webhook_deliveries
    with door.open(simulator) as http:
        simulator.settle(door.created(http), "succeeded")
    receiver.next()
    eventually(lambda: bool(simulator.book(door.provider).webhook_deliveries))


@each_door
def test_the_books_are_apart(simulator: Simulator, door: Door) -> None:
    """What one provider did is not in the other's book."""
    with door.open(simulator) as http:
        door.created(http)
    (other,) = {"meshy", "tripo"} - {door.provider}
    book = simulator.book("meshy" if other == "meshy" else "tripo")
    assert not book.tasks
    assert not book.requests
