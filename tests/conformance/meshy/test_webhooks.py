import pytest

from tests.conformance.meshy.api import Json, Meshy
from tests.conformance.meshy.orders import OPERATIONS, Operation, image, preview
from tests.conformance.receiver import Delivery, Receiver
from worker.simulator import Fault, Rule

SECRET = "s3cret-of-the-dashboard"
SECRET_HEADER = "x-meshy-api-webhook-secret-key"
USER_HEADER = "x-meshy-api-webhook-user-id"
MANY = 60


def hook(meshy: Meshy, receiver: Receiver) -> Receiver:
    meshy.simulator.meshy.webhooks.register(receiver.url, SECRET)
    return receiver


def ended(body: Json) -> bool:
    return body["status"] in {"SUCCEEDED", "FAILED"}


def scripted(meshy: Meshy, fault: Fault, **options: float) -> None:
    meshy.simulator.script(Rule(fault=fault, provider="meshy", times=1, options=options))


def end_of_one(meshy: Meshy, receiver: Receiver) -> list[Delivery]:
    meshy.settled("text-to-3d", preview())
    return receiver.until(ended)


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_hook_gets_the_task_itself(
    meshy: Meshy, receiver: Receiver, operation: Operation
) -> None:
    """The body is the task object of GET, with no envelope, for every kind of task."""
    body = operation.body(meshy)
    hook(meshy, receiver)
    task_id = meshy.settled(operation.resource, body)
    last = receiver.until(ended)[-1].body
    assert last["id"] == task_id
    assert set(last) == set(meshy.task(operation.resource, task_id))


def test_a_hook_proves_itself_by_a_shared_secret(meshy: Meshy, receiver: Receiver) -> None:
    """Deliveries carry the dashboard's secret and the user's id, and no signature."""
    for delivery in end_of_one(meshy, hook(meshy, receiver)):
        assert delivery.headers[SECRET_HEADER] == SECRET
        assert delivery.headers[USER_HEADER]
        assert delivery.headers["content-type"].startswith("application/json")
        assert not [name for name in delivery.headers if "signature" in name]


def test_every_step_is_told(meshy: Meshy, receiver: Receiver) -> None:
    """Every change of status is told in order, the first while PENDING or at the start."""
    hook(meshy, receiver)
    task_id = meshy.created("image-to-3d", image())
    meshy.lived("image-to-3d", task_id)
    told = [delivery.body for delivery in receiver.until(ended)]
    statuses = [body["status"] for body in told]
    assert {"IN_PROGRESS", "SUCCEEDED"} <= set(statuses)
    assert statuses == sorted(statuses, key=["PENDING", "IN_PROGRESS", "SUCCEEDED"].index)
    seen = {(body["status"], body["progress"]) for body in told}
    assert len(seen) > 2


def test_every_hook_of_the_account_is_told(meshy: Meshy, receiver: Receiver) -> None:
    """Each registered hook gets every task, with its own secret."""
    with Receiver() as second:
        hook(meshy, receiver)
        meshy.simulator.meshy.webhooks.register(second.url, "another")
        meshy.settled("text-to-3d", preview())
        assert receiver.until(ended)[-1].headers[SECRET_HEADER] == SECRET
        assert second.until(ended)[-1].headers[SECRET_HEADER] == "another"


def test_an_unregistered_hook_is_told_nothing(meshy: Meshy, receiver: Receiver) -> None:
    """After the dashboard removed a hook, nothing comes."""
    hook(meshy, receiver)
    meshy.simulator.meshy.webhooks.unregister(receiver.url)
    meshy.settled("text-to-3d", preview())
    assert receiver.stays_silent()


def test_a_sixth_hook_is_too_many(meshy: Meshy, receiver: Receiver) -> None:
    """An account has five active hooks at most."""
    register = meshy.simulator.meshy.webhooks.register
    for number in range(5):
        register(f"{receiver.url}/{number}", SECRET)
    with pytest.raises(Exception, match=r"5|five"):
        register(f"{receiver.url}/6", SECRET)


def test_a_failing_hook_is_disabled(meshy: Meshy, receiver: Receiver) -> None:
    """After many failures in a row a hook is disabled; the threshold is not documented."""
    hook(meshy, receiver).answer = 500
    for _ in range(MANY):
        meshy.settled("text-to-3d", preview())
        meshy.simulator.clock.advance(600)
    while not receiver.stays_silent():
        pass
    receiver.answer = 200
    meshy.settled("text-to-3d", preview())
    meshy.simulator.clock.advance(24 * 3600)
    assert receiver.stays_silent()


def test_one_failure_disables_nothing(meshy: Meshy, receiver: Receiver) -> None:
    """A hook that failed once still gets what comes next."""
    hook(meshy, receiver).answers = [500]
    end_of_one(meshy, receiver)
    task_id = meshy.settled("image-to-3d", image())
    assert receiver.until(lambda body: body["id"] == task_id)


def test_a_duplicate_is_the_same_again(meshy: Meshy, receiver: Receiver) -> None:
    """WEBHOOK_DUPLICATE: the same body comes twice."""
    scripted(meshy, Fault.WEBHOOK_DUPLICATE)
    hook(meshy, receiver)
    meshy.created("text-to-3d", preview())
    assert receiver.next().raw == receiver.next().raw


def test_a_forged_delivery_has_no_secret(meshy: Meshy, receiver: Receiver) -> None:
    """WEBHOOK_FORGED: one comes with a wrong or no secret."""
    scripted(meshy, Fault.WEBHOOK_FORGED)
    told = end_of_one(meshy, hook(meshy, receiver))
    assert [one for one in told if one.headers.get(SECRET_HEADER) != SECRET]


def test_a_late_delivery_is_late(meshy: Meshy, receiver: Receiver) -> None:
    """WEBHOOK_LATE: one comes only after the seconds that were scripted."""
    rule = Rule(fault=Fault.WEBHOOK_LATE, provider="meshy", times=None, options={"seconds": 60})
    meshy.simulator.script(rule)
    hook(meshy, receiver)
    task_id = meshy.settled("text-to-3d", preview())
    assert receiver.stays_silent()
    meshy.simulator.clock.advance(61)
    assert receiver.next().body["id"] == task_id


def test_reordered_deliveries_go_back_in_time(meshy: Meshy, receiver: Receiver) -> None:
    """WEBHOOK_REORDERED: a later state comes before an earlier one."""
    meshy.simulator.script(Rule(fault=Fault.WEBHOOK_REORDERED, provider="meshy", times=1))
    hook(meshy, receiver)
    meshy.lived("image-to-3d", meshy.created("image-to-3d", image()))
    told = [(one["status"], one["progress"]) for one in bodies(receiver)]
    states = ["PENDING", "IN_PROGRESS", "SUCCEEDED"]
    assert told != sorted(told, key=lambda one: (states.index(one[0]), one[1]))


def bodies(receiver: Receiver) -> list[Json]:
    found = [delivery.body for delivery in receiver.until(ended)]
    while not receiver.deliveries.empty() or not receiver.stays_silent():
        found.append(receiver.next().body)
    return found


def test_a_hook_may_come_before_the_answer(meshy: Meshy, receiver: Receiver) -> None:
    """WEBHOOK_BEFORE_ANSWER: the delivery comes before the create is answered."""
    scripted(meshy, Fault.WEBHOOK_BEFORE_ANSWER)
    hook(meshy, receiver)
    answer = meshy.create("text-to-3d", preview())
    assert receiver.deliveries.qsize() >= 1
    assert receiver.next().body["id"] == answer.json()["result"]


def test_a_lost_delivery_never_comes(meshy: Meshy, receiver: Receiver) -> None:
    """WEBHOOK_LOST: what was lost is not sent later either."""
    meshy.simulator.script(Rule(fault=Fault.WEBHOOK_LOST, provider="meshy", times=None))
    hook(meshy, receiver)
    meshy.run("text-to-3d", preview())
    meshy.simulator.clock.advance(3600)
    assert receiver.stays_silent()
