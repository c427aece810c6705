from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.conformance.tripo.api import (
    CONVERT,
    IMAGE,
    RIG,
    RIG_CHECK,
    TEXT,
    TEXTURE,
    Json,
    Tripo,
)
from tests.conformance.tripo.orders import convert, image, made, rig, rig_check, text, texture
from tests.conformance.tripo.refusal import is_error

MISSING = (2001, 2019, 1004)
WRONG_TYPE = (2006, 1004)
UNFINISHED = (2007, 1004)
Successor = tuple[str, Callable[..., Json]]
SUCCESSORS: dict[str, Successor] = {
    "texture": (TEXTURE, texture),
    "convert": (CONVERT, convert),
    "rig-check": (RIG_CHECK, rig_check),
    "rig": (RIG, rig),
}

each_successor = pytest.mark.parametrize("successor", SUCCESSORS.values(), ids=SUCCESSORS.keys())


def booked(tripo: Tripo) -> int:
    return len(tripo.simulator.book("tripo").tasks)


@each_successor
def test_a_finished_task_is_an_input(tripo: Tripo, successor: Successor) -> None:
    """A bare id of a finished task of the account is an input."""
    path, body = successor
    assert tripo.created(path, body(made(tripo)))


@each_successor
def test_an_unknown_task_is_no_input(tripo: Tripo, successor: Successor) -> None:
    """An id that nobody has is refused (status and code are unconfirmed)."""
    path, body = successor
    assert is_error(tripo.create(path, body(str(uuid4()))), (400, 404), *MISSING)


@each_successor
@pytest.mark.parametrize("status", ["queued", "failed"])
def test_an_unfinished_task_is_no_input(tripo: Tripo, successor: Successor, status: str) -> None:
    """A source that has not succeeded is 2007 (1004 tolerated) and books nothing."""
    source = tripo.created(TEXT, text())
    if status == "failed":
        tripo.simulator.settle(source, "failed")
    before = booked(tripo)
    path, body = successor
    assert is_error(tripo.create(path, body(source)), 400, *UNFINISHED)
    assert booked(tripo) == before


def test_a_check_is_no_model(tripo: Tripo) -> None:
    """A task that made no model is no source of one: 2006."""
    check = tripo.settled(RIG_CHECK, rig_check(made(tripo)))
    assert is_error(tripo.create(CONVERT, convert(check)), 400, *WRONG_TYPE)


def test_a_model_is_no_image(tripo: Tripo) -> None:
    """image-to-model wants an image task, not a model: 2006 (1004 tolerated)."""
    assert is_error(tripo.create(IMAGE, image(made(tripo))), 400, *WRONG_TYPE)


def test_a_chain_may_go_on(tripo: Tripo) -> None:
    """A textured model, and a remeshed one, can be built on again."""
    textured = tripo.settled(TEXTURE, texture(made(tripo, texture=False, pbr=False)))
    small = tripo.settled(CONVERT, convert(textured, format="GLTF", face_limit=3_000))
    assert tripo.created(CONVERT, convert(small))
    assert tripo.created(RIG, rig(textured))
