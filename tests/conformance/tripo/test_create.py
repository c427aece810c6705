from uuid import UUID

import pytest

from tests.conformance.pictures import picture
from tests.conformance.shelf import Shelf
from tests.conformance.tripo.api import IMAGE, TEXT, Tripo, data
from tests.conformance.tripo.orders import OPERATIONS, Operation, image, text

each_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=str)


@each_operation
def test_a_create_answers_with_the_task(tripo: Tripo, operation: Operation) -> None:
    """A create answers 200 with the task's id, a type and `queued`; type's spelling is open."""
    answer = data(tripo.create(operation.path, operation.body(tripo)))
    assert str(UUID(answer["task_id"])) == answer["task_id"]
    assert answer["type"]
    assert answer["status"] == "queued"


@each_operation
def test_a_task_keeps_its_type(tripo: Tripo, operation: Operation) -> None:
    """GET shows the type that the create told."""
    answer = data(tripo.create(operation.path, operation.body(tripo)))
    assert tripo.task(answer["task_id"])["type"] == answer["type"]


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "same"}, {"X-Request-ID": "same"}])
def test_nothing_is_idempotent(tripo: Tripo, headers: dict[str, str]) -> None:
    """The same POST twice makes two tasks and freezes twice, whatever its headers."""
    ids = {data(tripo.http.post(TEXT, json=text(), headers=headers))["task_id"] for _ in range(2)}
    assert len(ids) == 2
    assert tripo.balance()["frozen"] == 40


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_image_comes_as_a_file(tripo: Tripo, form: str) -> None:
    """A token of an uploaded PNG, JPEG or WebP is an input."""
    token = tripo.upload(picture(form), f"front.{form.lower()}")
    assert tripo.created(IMAGE, image(token))


def test_an_image_comes_by_address(tripo: Tripo, shelf: Shelf) -> None:
    """A public address is an input."""
    url = shelf.put("/front.png", "image/png", picture())
    assert tripo.created(IMAGE, image(url))


def test_the_book_keeps_what_was_sent(tripo: Tripo) -> None:
    """The provider's book shows the request as it came, and who sent it."""
    tripo.created(TEXT, text(prompt="an oak chest", negative_prompt="rust"))
    (task,) = tripo.simulator.book("tripo").tasks
    assert task.body == text(prompt="an oak chest", negative_prompt="rust")
    assert task.key == tripo.key
    assert task.answer_delivered
