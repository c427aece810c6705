from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.simulator.asking import create, look
from worker.simulator import Fault, Simulator


@pytest.fixture
def control(simulator: Simulator) -> Iterator[httpx.Client]:
    """No key: it is the operator's own door."""
    with httpx.Client(base_url=simulator.control_url, trust_env=False) as connected:
        yield connected


def test_the_book_is_there(control: httpx.Client, meshy: httpx.Client) -> None:
    """GET book shows what simulator.book() shows, of one provider or of both."""
    task = create(meshy)
    books: dict[str, Any] = control.get("/book").json()
    assert set(books) == {"meshy", "tripo"}
    assert books["meshy"]["tasks"][0]["id"] == task
    assert books["meshy"]["credits_spent"] == 20
    assert set(control.get("/book?provider=tripo").json()) == {"tripo"}


def test_rules_come_and_go(
    simulator: Simulator, control: httpx.Client, meshy: httpx.Client
) -> None:
    """POST adds one or several, GET counts what they did, DELETE forgets them."""
    control.post("/rules", json={"fault": "ANSWER_5XX", "operation": "balance"})
    control.post("/rules", json=[{"fault": "no_answer"}, {"fault": "list_lags"}])
    assert meshy.get("/openapi/v1/balance").status_code == 500
    rules = control.get("/rules").json()
    assert [(rule["fault"], rule["done"]) for rule in rules] == [
        ("answer_5xx", 1),
        ("no_answer", 0),
        ("list_lags", 0),
    ]
    assert [entry.rule.fault for entry in simulator.rules.entries][1] is Fault.NO_ANSWER
    assert control.delete("/rules").json() == []
    assert control.get("/rules").json() == []


def test_the_clock_jumps(control: httpx.Client, meshy: httpx.Client) -> None:
    """POST clock advances; what fell due has happened when it answers."""
    task = create(meshy)
    before = control.get("/clock").json()["now"]
    assert control.post("/clock", json={"advance": 1_000}).json()["now"] > before
    assert look(meshy, task)["status"] == "SUCCEEDED"


def test_a_task_can_be_ended(control: httpx.Client, meshy: httpx.Client) -> None:
    """POST settle ends a task with the error that is asked for."""
    task = create(meshy)
    order = {"task_id": task, "status": "failed", "type": "timeout", "message": "too slow"}
    assert control.post("/settle", json=order).status_code == 200
    assert look(meshy, task)["task_error"] == {"type": "timeout", "message": "too slow"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/rules", {"fault": "nonsense"}),
        ("/rules", {"fault": "no_answer", "operation": "webhook"}),
        ("/clock", {"advance": -1}),
        ("/clock", {"advance": "soon"}),
        ("/clock", {}),
        ("/settle", {"task_id": "none", "status": "failed"}),
    ],
)
def test_a_mistake_is_explained(control: httpx.Client, path: str, body: dict[str, Any]) -> None:
    """A wrong order is a 400 with a message, and changes nothing."""
    answer = control.post(path, json=body)
    assert answer.status_code == 400
    assert answer.json()["message"]


def test_what_is_not_there_names_what_is(control: httpx.Client) -> None:
    """An unknown control is a 404 that lists the known ones; so is an unknown provider."""
    assert "GET /_simulator/book" in control.get("/boook").json()["there_are"]
    root = control.base_url.join("/")
    assert httpx.get(root).text == "Here are /meshy, /tripo and /_simulator.\n"
