import pytest

from tests.conformance.patience import eventually
from tests.conformance.receiver import Delivery, Receiver
from tests.conformance.tripo.api import TEXT, Json, Tripo
from tests.conformance.tripo.orders import OPERATIONS, Operation, text
from tests.conformance.tripo.signature import Signature, is_signed, sign
from worker.simulator import Fault, Rule

SECRET = "whsec_test_secret"
NEXT_SECRET = "whsec_next_secret"


def hook(tripo: Tripo, receiver: Receiver) -> Receiver:
    tripo.simulator.tripo.webhooks.register(receiver.url, SECRET)
    return receiver


def end_of_one(tripo: Tripo, receiver: Receiver, status: str = "succeeded") -> Delivery:
    tripo.settled(TEXT, text(), status)
    return receiver.next()


def scripted(tripo: Tripo, fault: Fault, times: int | None = 1, **options: float) -> None:
    tripo.simulator.script(Rule(fault=fault, provider="tripo", times=times, options=options))


def error(body: Json) -> Json:
    """Nested or flat: the pages disagree, and both are accepted."""
    inner = body["data"]
    flat = {"code": inner.get("error_code"), "message": inner.get("error_message")}
    found: Json = inner.get("error") or flat
    return found


def test_the_scheme_has_a_test_vector() -> None:
    """HMAC-SHA256 over "<t>.<body>" with the whole secret, whsec_ included."""
    body = b'{"id":"task_1:task.completed","type":"task.completed"}'
    expected = "97e3eb4a03cc537ed0fe928fad0b0ffb8bff689f68ebcd104a098ded42a6fb50"
    assert sign(SECRET, 1790000000, body) == expected


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_completed_task_is_told(tripo: Tripo, receiver: Receiver, operation: Operation) -> None:
    """task.completed carries id, type, status and output of the task."""
    body = operation.body(tripo)
    hook(tripo, receiver)
    task_id = tripo.settled(operation.path, body)
    told = receiver.next().body
    assert told["type"] == "task.completed"
    assert told["id"].endswith(":task.completed")
    assert task_id in told["id"]
    assert told["created_at"]
    assert (told["data"]["task_id"], told["data"]["status"]) == (task_id, "success")
    task = tripo.task(task_id)
    assert told["data"]["type"] == task["type"]
    assert set(told["data"]["output"]) == set(task["output"])


def test_a_failed_task_is_told(tripo: Tripo, receiver: Receiver) -> None:
    """task.failed carries the error, nested or flat (both tolerated)."""
    told = end_of_one(tripo, hook(tripo, receiver), "failed").body
    assert told["type"] == "task.failed"
    assert told["data"]["status"] == "failed"
    assert error(told)["message"]


def test_progress_is_not_told(tripo: Tripo, receiver: Receiver) -> None:
    """A task's life makes one delivery, at its end."""
    hook(tripo, receiver)
    tripo.run(TEXT, text())
    assert receiver.next().body["type"] == "task.completed"
    assert receiver.stays_silent()


def test_a_delivery_has_its_headers(tripo: Tripo, receiver: Receiver) -> None:
    """Id, delivery, event and signature travel as headers."""
    delivery = end_of_one(tripo, hook(tripo, receiver))
    assert delivery.headers["tripo-webhook-id"]
    assert delivery.headers["tripo-webhook-delivery"]
    assert delivery.headers["tripo-webhook-event"] == "task.completed"
    assert delivery.headers["content-type"].startswith("application/json")


def test_a_delivery_is_signed(tripo: Tripo, receiver: Receiver) -> None:
    """The signature covers the time, which is the clock's, and the raw body."""
    delivery = end_of_one(tripo, hook(tripo, receiver))
    assert is_signed(delivery, SECRET)
    assert not is_signed(delivery, SECRET.removeprefix("whsec_"))
    age = tripo.simulator.clock.now().timestamp() - Signature.of(delivery).moment
    assert abs(age) <= 2


def test_a_rotation_signs_twice(tripo: Tripo, receiver: Receiver) -> None:
    """While a secret rotates, one header has a v1 for the old and one for the new."""
    hook(tripo, receiver)
    tripo.simulator.tripo.webhooks.rotate(receiver.url, NEXT_SECRET)
    delivery = end_of_one(tripo, receiver)
    assert len(Signature.of(delivery).values) == 2
    assert is_signed(delivery, SECRET)
    assert is_signed(delivery, NEXT_SECRET)


def test_deliveries_differ_in_their_key(tripo: Tripo, receiver: Receiver) -> None:
    """Two events have two delivery ids."""
    hook(tripo, receiver)
    keys = {end_of_one(tripo, receiver).headers["tripo-webhook-delivery"] for _ in range(2)}
    assert len(keys) == 2


def an_hour_brings(tripo: Tripo, receiver: Receiver) -> bool:
    """By steps: the simulator takes note of an answer only after the receiver has given it."""
    tripo.simulator.clock.advance(3600)
    return not receiver.deliveries.empty()


@pytest.mark.parametrize("status", [404, 500])
def test_a_failed_delivery_is_tried_again(tripo: Tripo, receiver: Receiver, status: int) -> None:
    """A non-2xx answer is followed by the same event, newly signed; the schedule is open."""
    hook(tripo, receiver).answers = [status]
    first = end_of_one(tripo, receiver)
    eventually(lambda: an_hour_brings(tripo, receiver))
    again = receiver.next()
    assert again.body["id"] == first.body["id"]
    assert again.headers["tripo-webhook-delivery"] == first.headers["tripo-webhook-delivery"]
    assert is_signed(again, SECRET)


def test_an_accepted_delivery_is_not_tried_again(tripo: Tripo, receiver: Receiver) -> None:
    """After a 2xx nothing more comes."""
    end_of_one(tripo, hook(tripo, receiver))
    tripo.simulator.clock.advance(24 * 3600)
    assert receiver.stays_silent()


def test_a_late_deliverys_addresses_are_dead(tripo: Tripo, receiver: Receiver) -> None:
    """WEBHOOK_LATE: it comes after its seconds; its addresses may be dead, a GET's open."""
    scripted(tripo, Fault.WEBHOOK_LATE, seconds=600)
    hook(tripo, receiver)
    task_id = tripo.settled(TEXT, text())
    assert receiver.stays_silent()
    tripo.simulator.clock.advance(601)
    assert receiver.next().body["data"]["task_id"] == task_id
    fresh = tripo.task(task_id)["output"]["model_url"]
    assert tripo.download(fresh).status_code == 200


def test_a_duplicate_has_the_same_key(tripo: Tripo, receiver: Receiver) -> None:
    """WEBHOOK_DUPLICATE: the same event comes twice with the same delivery id."""
    scripted(tripo, Fault.WEBHOOK_DUPLICATE)
    first = end_of_one(tripo, hook(tripo, receiver))
    second = receiver.next()
    assert first.body["id"] == second.body["id"]
    key = "tripo-webhook-delivery"
    assert first.headers[key] == second.headers[key]


def test_a_forged_delivery_is_not_signed(tripo: Tripo, receiver: Receiver) -> None:
    """WEBHOOK_FORGED: one comes whose signature does not fit."""
    scripted(tripo, Fault.WEBHOOK_FORGED)
    hook(tripo, receiver)
    tripo.settled(TEXT, text())
    tripo.settled(TEXT, text())
    told = [receiver.next() for _ in range(2)]
    assert not all(is_signed(delivery, SECRET) for delivery in told)


def test_reordered_deliveries_change_places(tripo: Tripo, receiver: Receiver) -> None:
    """WEBHOOK_REORDERED: of two events the later comes first."""
    scripted(tripo, Fault.WEBHOOK_REORDERED)
    hook(tripo, receiver)
    first, second = (tripo.settled(TEXT, text(prompt=f"katana {n}")) for n in range(2))
    told = [receiver.next().body["data"]["task_id"] for _ in range(2)]
    assert told == [second, first]


def test_a_hook_may_come_before_the_answer(tripo: Tripo, receiver: Receiver) -> None:
    """WEBHOOK_BEFORE_ANSWER: the task has ended before its create is answered."""
    scripted(tripo, Fault.WEBHOOK_BEFORE_ANSWER)
    hook(tripo, receiver)
    task_id = tripo.created(TEXT, text())
    assert receiver.deliveries.qsize() >= 1
    assert receiver.next().body["data"]["task_id"] == task_id


def test_a_lost_delivery_never_comes(tripo: Tripo, receiver: Receiver) -> None:
    """WEBHOOK_LOST: what was lost is not sent later either."""
    scripted(tripo, Fault.WEBHOOK_LOST, times=None)
    hook(tripo, receiver)
    tripo.settled(TEXT, text())
    tripo.simulator.clock.advance(24 * 3600)
    assert receiver.stays_silent()


def test_every_hook_is_told_with_its_own_secret(tripo: Tripo, receiver: Receiver) -> None:
    """Each registered hook gets the event, signed for it."""
    with Receiver() as other:
        hook(tripo, receiver)
        tripo.simulator.tripo.webhooks.register(other.url, NEXT_SECRET)
        assert is_signed(end_of_one(tripo, receiver), SECRET)
        assert is_signed(other.next(), NEXT_SECRET)


def test_an_unregistered_hook_is_told_nothing(tripo: Tripo, receiver: Receiver) -> None:
    """After the console removed a hook, nothing comes."""
    hook(tripo, receiver)
    tripo.simulator.tripo.webhooks.unregister(receiver.url)
    tripo.settled(TEXT, text())
    assert receiver.stays_silent()
