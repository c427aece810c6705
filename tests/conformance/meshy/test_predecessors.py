from collections.abc import Callable

import pytest

from tests.conformance.glb import Glb
from tests.conformance.meshy.api import Json, Meshy
from tests.conformance.meshy.orders import (
    OPERATIONS,
    SMALL,
    Operation,
    built_on,
    convert,
    image,
    images,
    preview,
    previewed,
    refine,
    refined,
    remeshed,
    textured_small,
)
from tests.conformance.meshy.refusal import costs_nothing
from tests.conformance.pictures import data_uri

NOWHERE = "018a210d-8ba4-705c-b111-1f1776f7f578"
Successor = tuple[str, Callable[..., Json]]
SUCCESSORS: dict[str, Successor] = {
    "refine": ("text-to-3d", refine),
    "remesh": ("remesh", built_on),
    "rigging": ("rigging", built_on),
    "convert": ("convert", convert),
}

each_successor = pytest.mark.parametrize("successor", SUCCESSORS.values(), ids=SUCCESSORS.keys())


@each_successor
@pytest.mark.parametrize("state", ["pending", "in progress", "failed"])
def test_a_predecessor_must_have_succeeded(meshy: Meshy, successor: Successor, state: str) -> None:
    """Building on a task that has not SUCCEEDED is 400."""
    made = {
        "pending": lambda: meshy.created("text-to-3d", preview()),
        "in progress": lambda: meshy.start("text-to-3d", preview()),
        "failed": lambda: meshy.settled("text-to-3d", preview(), "failed"),
    }[state]()
    booked = len(meshy.simulator.book("meshy").tasks)
    resource, body = successor
    assert meshy.create(resource, body(made)).status_code == 400
    assert len(meshy.simulator.book("meshy").tasks) == booked


@each_successor
def test_a_predecessor_must_exist(meshy: Meshy, successor: Successor) -> None:
    """An unknown predecessor is 404 for refine; elsewhere 400 or 404, as it is not said."""
    resource, body = successor
    statuses = (404,) if resource == "text-to-3d" else (400, 404)
    assert costs_nothing(meshy, meshy.create(resource, body(NOWHERE)), *statuses)


@each_successor
def test_a_predecessor_is_named_by_an_id(meshy: Meshy, successor: Successor) -> None:
    """What is no id at all is 400 (404 tolerated)."""
    resource, body = successor
    assert costs_nothing(meshy, meshy.create(resource, body("not an id")), 400, 404)


@pytest.mark.parametrize("made", [textured_small, refined, remeshed])
def test_only_a_preview_is_refined(meshy: Meshy, made: Callable[[Meshy], str]) -> None:
    """Refine takes a text preview and nothing else (400, or 404 as if it were unknown)."""
    answer = meshy.create("text-to-3d", refine(made(meshy)))
    assert costs_nothing(meshy, answer, 400, 404)


@pytest.mark.parametrize(
    "made",
    [previewed, refined, textured_small, lambda m: m.settled("multi-image-to-3d", images())],
    ids=["preview", "refine", "image", "images"],
)
def test_remesh_takes_every_model(meshy: Meshy, made: Callable[[Meshy], str]) -> None:
    """Remesh builds on previews, refined, image and multi-image models."""
    assert meshy.created("remesh", built_on(made(meshy)))


def test_remesh_does_not_take_a_rig(meshy: Meshy) -> None:
    """A rig is no source of a remesh (400, or 404)."""
    rig = meshy.settled("rigging", built_on(textured_small(meshy)))
    assert costs_nothing(meshy, meshy.create("remesh", built_on(rig)), 400, 404)


def test_an_image_task_must_be_one(meshy: Meshy) -> None:
    """image-to-3d's input task must be an image task: a preview is 400 (404 tolerated)."""
    body = image() | {"input_task_id": previewed(meshy)}
    assert costs_nothing(meshy, meshy.create("image-to-3d", body), 400, 404)


def test_a_model_may_come_as_a_data_uri(meshy: Meshy) -> None:
    """Remesh and convert take a GLB as data:application/octet-stream."""
    made = meshy.run("text-to-3d", preview(**SMALL, target_formats=["glb"]))
    content = meshy.download(made["model_urls"]["glb"]).content
    assert Glb.read(content).triangles
    uri = data_uri(content, "application/octet-stream")
    assert meshy.created("remesh", {"model_url": uri})
    assert meshy.created("convert", {"model_url": uri, "target_formats": ["obj"]})


def test_too_many_faces_are_not_rigged(meshy: Meshy) -> None:
    """A refined model that was never remeshed has over 300,000 faces, and rigging it is 400."""
    raw = previewed(meshy, should_remesh=False)
    huge = meshy.settled("text-to-3d", refine(raw))
    assert costs_nothing(meshy, meshy.create("rigging", built_on(huge)), 400)


def test_a_remeshed_model_is_rigged(meshy: Meshy) -> None:
    """The same model, remeshed, is accepted."""
    raw = previewed(meshy, should_remesh=False)
    huge = meshy.settled("text-to-3d", refine(raw))
    small = meshy.settled("remesh", built_on(huge, target_polycount=10_000))
    assert meshy.created("rigging", built_on(small))


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_a_deleted_predecessor_is_gone(meshy: Meshy, operation: Operation) -> None:
    """Nothing can be built on a task that was deleted."""
    made = meshy.settled(operation.resource, operation.body(meshy))
    assert meshy.delete(operation.resource, made).status_code == 200
    assert meshy.create("remesh", built_on(made)).status_code in {400, 404}
