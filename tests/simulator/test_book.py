import base64
import hashlib
from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.simulator.asking import PREVIEW, TEXT_TO_3D, create, generate, look
from tests.simulator.conftest import PATIENCE
from worker.simulator import Fault, Rule, Simulator, SimulatorError


def picture() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 64), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def test_it_keeps_what_was_sent(simulator: Simulator, meshy: httpx.Client) -> None:
    """The body is booked as it came, but bytes stand as their digest and size."""
    data = picture()
    uri = f"data:image/png;base64,{base64.b64encode(data).decode()}"
    meshy.post("/openapi/v1/image-to-3d", json={"image_url": uri, "should_texture": False})
    (task,) = simulator.book("meshy").tasks
    assert task.resource == "image-to-3d"
    assert task.body == {
        "image_url": {
            "content_type": "image/png",
            "sha256": hashlib.sha256(data).hexdigest(),
            "bytes": len(data),
        },
        "should_texture": False,
    }


def test_it_knows_who_asked(simulator: Simulator, meshy: httpx.Client) -> None:
    """Each task is booked under the key that created it; all keys are one account."""
    second = simulator.meshy.add_key()
    task = create(meshy)
    meshy.headers["Authorization"] = f"Bearer {second}"
    create(meshy)
    assert [task.key for task in simulator.book("meshy").tasks][1] == second
    assert look(meshy, task)["id"] == task


@pytest.mark.parametrize(
    ("fault", "delivered"),
    [
        (None, True),
        (Fault.ANSWER_DROPPED, False),
        (Fault.ANSWER_5XX_AFTER_ACCEPT, False),
        (Fault.MALFORMED_2XX, False),
    ],
)
def test_it_knows_whether_the_answer_arrived(
    simulator: Simulator,
    meshy: httpx.Client,
    fault: Fault | None,
    delivered: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """A task whose id never reached the client is booked, paid, and marked so."""
    if fault is not None:
        simulator.script(Rule(fault, operation="create"))
    try:
        meshy.post(TEXT_TO_3D, json=PREVIEW)
    except httpx.RemoteProtocolError:
        assert fault is Fault.ANSWER_DROPPED
    (task,) = simulator.book("meshy").tasks
    assert task.answer_delivered is delivered
    assert task.credits_charged == 20


@pytest.mark.parametrize(
    "fault",
    [
        Fault.ANSWER_5XX,
        Fault.NO_SLOT,
        Fault.OUT_OF_CREDIT,
        Fault.CONNECTION_REFUSED_OR_RESET,
        Fault.UNAUTHORISED,
    ],
)
def test_what_was_not_accepted_is_not_booked(
    simulator: Simulator, meshy: httpx.Client, fault: Fault
) -> None:
    """A refusal makes no task and takes no credits."""
    simulator.script(Rule(fault, operation="create"))
    try:
        meshy.post(TEXT_TO_3D, json=PREVIEW)
    except httpx.TransportError:
        assert fault is Fault.CONNECTION_REFUSED_OR_RESET
    book = simulator.book("meshy")
    assert (book.tasks, book.credits_spent) == ((), 0)


def test_a_late_acceptance_is_booked_when_it_happens(
    simulator: Simulator, meshy: httpx.Client
) -> None:
    """The request of a client that gave up is taken `seconds` later, and charged."""
    simulator.script(Rule(Fault.ACCEPTED_LATE, options={"seconds": 40}))
    with pytest.raises(httpx.ReadTimeout):
        meshy.post(TEXT_TO_3D, json=PREVIEW, timeout=httpx.Timeout(PATIENCE, read=0.1))
    wait_until_closed(simulator)
    simulator.clock.advance(39)
    assert simulator.book("meshy").tasks == ()
    simulator.clock.advance(2)
    (task,) = simulator.book("meshy").tasks
    assert not task.answer_delivered
    assert simulator.book("meshy").credits_spent == 20


def wait_until_closed(simulator: Simulator) -> None:
    """The simulator reads the request and sees its connection close before it counts."""
    while not simulator.book("meshy").requests or simulator.book("meshy").open_connections:
        pass


def test_credits_follow_a_tasks_fate(simulator: Simulator, meshy: httpx.Client) -> None:
    """Charged when created, given back when it fails; spent is the difference."""
    good, bad = create(meshy), create(meshy)
    assert simulator.book("meshy").credits_spent == 40
    simulator.settle(good, "succeeded")
    simulator.settle(bad, "failed", type="server_error", message="broken")
    book = simulator.book("meshy")
    assert book.credits_spent == 20
    assert [(task.credits_charged, task.credits_refunded) for task in book.tasks] == [
        (20, 0),
        (20, 20),
    ]
    assert look(meshy, bad)["task_error"] == {"type": "server_error", "message": "broken"}


def test_tripos_credits_are_frozen_first(simulator: Simulator, tripo: httpx.Client) -> None:
    """Nothing is settled until a task ends; both sides are in the book."""
    good, bad = generate(tripo), generate(tripo)
    assert simulator.tripo.account.frozen == 40
    simulator.settle(good, "success")
    simulator.settle(bad, "failed", error_code=2008)
    assert simulator.tripo.account.frozen == 0
    assert simulator.book("tripo").credits_spent == 20


def test_it_remembers_the_most_at_once(simulator: Simulator, meshy: httpx.Client) -> None:
    """peak_concurrent is the most tasks that were unfinished together."""
    first = [create(meshy) for _ in range(3)]
    for task in first:
        simulator.settle(task, "succeeded")
    create(meshy)
    book = simulator.book("meshy")
    assert (book.concurrent, book.peak_concurrent) == (1, 3)


def test_it_remembers_the_busiest_second(simulator: Simulator, meshy: httpx.Client) -> None:
    """peak_requests_per_second counts any window of a second, refused requests too."""
    for burst in (2, 5, 3):
        for _ in range(burst):
            meshy.get("/openapi/v1/balance")
        simulator.clock.advance(1)
    book = simulator.book("meshy")
    assert (len(book.requests), book.peak_requests_per_second) == (10, 5)


def test_it_counts_open_connections(simulator: Simulator, meshy: httpx.Client) -> None:
    """A connection counts for the provider it speaks to, until it is closed."""
    meshy.get("/openapi/v1/balance")
    assert simulator.book("meshy").open_connections == 1
    assert simulator.book("tripo").open_connections == 0
    meshy.close()
    wait_until_closed(simulator)


def test_downloads_are_no_requests(simulator: Simulator, meshy: httpx.Client) -> None:
    """A download is booked apart, with its task; and whether a key was sent along."""
    task = create(meshy)
    simulator.settle(task, "succeeded")
    url = look(meshy, task)["model_urls"]["glb"]
    before = len(simulator.book("meshy").requests)
    httpx.get(url)
    meshy.get(url)
    book = simulator.book("meshy")
    assert len(book.requests) == before
    assert [(d.task_id, d.name, d.status, d.with_bearer) for d in book.downloads] == [
        (task, "model.glb", 200, False),
        (task, "model.glb", 200, True),
    ]


def test_a_task_is_settled_once(simulator: Simulator, meshy: httpx.Client) -> None:
    """Ending what has ended, what does not exist, or in no known way, is refused."""
    task = create(meshy)
    with pytest.raises(SimulatorError, match="only:"):
        simulator.settle(task, "exploded")
    simulator.settle(task, "running")
    assert look(meshy, task)["status"] == "IN_PROGRESS"
    simulator.settle(task, "succeeded")
    with pytest.raises(SimulatorError, match="ended already"):
        simulator.settle(task, "failed")
    with pytest.raises(SimulatorError, match="No provider has"):
        simulator.settle("no-such-task", "failed")


def test_a_revoked_key_is_worth_nothing(simulator: Simulator, meshy: httpx.Client) -> None:
    """The other keys of the account still work."""
    first, second = simulator.meshy.key, simulator.meshy.add_key()
    simulator.meshy.revoke_key(first)
    assert meshy.get("/openapi/v1/balance").status_code == 401
    assert simulator.meshy.key == second
