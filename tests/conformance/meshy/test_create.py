from uuid import UUID

import pytest

from tests.conformance.meshy.api import PATHS, Meshy
from tests.conformance.meshy.orders import OPERATIONS, PNG, Operation, image, preview
from tests.conformance.meshy.refusal import costs_nothing
from tests.conformance.pictures import data_uri, heavy_picture, picture
from tests.conformance.shelf import Shelf


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_create_answers_with_the_id(meshy: Meshy, operation: Operation) -> None:
    """Every create answers 202 (200 and 201 tolerated) with {"result": id} and nothing else."""
    answer = meshy.create(operation.resource, operation.body(meshy))
    assert answer.status_code in {200, 201, 202}
    assert set(answer.json()) == {"result"}
    assert str(UUID(answer.json()["result"])) == answer.json()["result"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_task_tells_its_kind(meshy: Meshy, operation: Operation) -> None:
    """`type` names the resource; its spelling for convert is unconfirmed and not looked at."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    task = meshy.task(operation.resource, task_id)
    assert task["id"] == task_id
    assert operation.type is None or task["type"] == operation.type


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_the_wrong_resource_does_not_know_it(meshy: Meshy, operation: Operation) -> None:
    """A task is found on its own resource's path only."""
    task_id = meshy.created(operation.resource, operation.body(meshy))
    for other in PATHS.keys() - {operation.resource}:
        assert meshy.get(other, task_id).status_code == 404


def test_ids_sort_by_time(meshy: Meshy) -> None:
    """Ids are k-sortable: later tasks have greater ids."""
    made = []
    for _ in range(4):
        made.append(meshy.created("text-to-3d", preview()))
        meshy.simulator.clock.advance(1)
    assert made == sorted(made)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "the same"}])
def test_nothing_is_idempotent(meshy: Meshy, headers: dict[str, str]) -> None:
    """The same POST twice makes two tasks and costs twice, whatever its headers."""
    before = meshy.balance()
    ids = {
        meshy.http.post(PATHS["text-to-3d"], json=preview(), headers=headers).json()["result"]
        for _ in range(2)
    }
    assert len(ids) == 2
    assert meshy.balance() == before - 40


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"preview"', b"\xff\xfe"])
def test_a_body_is_a_json_object(meshy: Meshy, content: bytes) -> None:
    """Anything but a JSON object is 400 and costs nothing."""
    answer = meshy.http.post(
        PATHS["text-to-3d"], content=content, headers={"Content-Type": "application/json"}
    )
    assert costs_nothing(meshy, answer, 400)


def test_files_do_not_come_as_forms(meshy: Meshy) -> None:
    """There is no multipart: such a body is refused (400, or 415) and books nothing."""
    answer = meshy.http.post(PATHS["image-to-3d"], files={"image": ("a.png", b"png")})
    assert costs_nothing(meshy, answer, 400, 415)


def test_a_large_image_fits_into_a_data_uri(meshy: Meshy) -> None:
    """A data URI of 1.5 MB is accepted."""
    uri = data_uri(heavy_picture(1_500_000))
    assert meshy.create("image-to-3d", image(image_url=uri)).is_success


def test_a_public_address_is_fetched(meshy: Meshy, shelf: Shelf) -> None:
    """An image may be given by an address that the provider can reach."""
    url = shelf.put("/katana.png", "image/png", picture())
    assert meshy.create("image-to-3d", image(image_url=url)).is_success


def test_an_unreachable_address_is_refused(meshy: Meshy, shelf: Shelf) -> None:
    """An address that answers 404, or where nobody listens, is 400 at once."""
    for url in (f"{shelf.url}/missing.png", "http://127.0.0.1:9/katana.png"):
        assert costs_nothing(meshy, meshy.create("image-to-3d", image(image_url=url)), 400)


def test_the_book_keeps_what_was_sent(meshy: Meshy) -> None:
    """The provider's book shows the request as it came, an image by its digest and size."""
    meshy.created("image-to-3d", image(texture_prompt="teal"))
    (task,) = meshy.simulator.book("meshy").tasks
    assert (task.resource, task.body["texture_prompt"]) == ("image-to-3d", "teal")
    assert PNG not in str(task.body)
    assert task.key == meshy.key
    assert task.answer_delivered
