"""What is sent to Tripo for each stage."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from tests.providers.orders import (
    BACK,
    FRONT,
    GENERATE,
    LEFT,
    PREVIEW,
    REFINE,
    REMESH,
    RIG,
    answer,
    converse,
)
from worker.providers.call import Reply
from worker.providers.failure import Failure, Kind
from worker.providers.order import Angle, Order, Picture, Stage, Step, Task
from worker.providers.outcome import Complete, Link, Output, Ready, Succeeded
from worker.providers.protocol import Done
from worker.providers.tripo import Tripo

SOURCE = Task("texture", "0a1b2c3d-0000-4000-8000-000000000000")


def token(name: str) -> Reply:
    return answer(200, {"code": 0, "data": {"file_token": name}})


def step_of(order: Order, *replies: Reply, done: tuple[Done, ...] = (), **options: Any) -> Step:
    _, outcome = converse(Tripo(**options).prepare(order, done), *replies)
    assert isinstance(outcome, Ready)
    return outcome.step


def finished(name: str, format_: str = "glb", **facts: Any) -> Done:
    links = (
        Link("model", format_, f"https://a/{name}.{format_}"),
        Link("thumbnail", "webp", f"https://a/{name}.webp"),
    )
    return Done(name, Task(name, f"task-{name}"), Succeeded(Output(links, facts)))


def test_preview_has_no_texture() -> None:
    """Defaults of v3 are not documented: texture, pbr and quad are always said."""
    step = step_of(replace(PREVIEW, art_style="cel", negative_prompt="rust", pbr=True))
    assert step.resource == "text-to-model"
    assert step.body == {
        "prompt": "a cyberpunk katana, cel",
        "model": "v3.1-20260211",
        "texture": False,
        "pbr": False,
        "quad": False,
        "negative_prompt": "rust",
    }


def test_low_poly_line_gets_no_field_that_it_refuses() -> None:
    """The P models don't know quad."""
    assert "quad" not in step_of(PREVIEW, model="P1-20260311").body


def test_long_texts_are_cut() -> None:
    """1024 characters of prompt, 255 of what must not be seen."""
    body = step_of(replace(PREVIEW, prompt="word " * 300, negative_prompt="rust " * 90)).body
    assert len(body["prompt"]) <= 1024
    assert len(body["negative_prompt"]) <= 255


def test_one_picture_is_uploaded() -> None:
    """Data URIs are refused: the picture goes as a file, and its token into the request."""
    calls, outcome = converse(Tripo().prepare(replace(GENERATE, pbr=True), ()), token("file_1"))
    assert isinstance(outcome, Ready)
    assert [(call.path, call.pace) for call in calls] == [("/v3/files", "upload")]
    assert calls[0].file is not None
    assert calls[0].file.data == FRONT.data
    assert outcome.step.resource == "image-to-model"
    assert outcome.step.body["input"] == "file_1"
    assert (outcome.step.body["texture"], outcome.step.body["pbr"]) == (True, True)


def test_several_pictures_stand_in_their_slots() -> None:
    """Front, left, back, right; a missing side is an empty text."""
    order = replace(GENERATE, pictures=(BACK, FRONT))
    step = step_of(order, token("file_back"), token("file_front"))
    assert step.resource == "multiview-to-model"
    assert step.body["inputs"] == ["file_front", "", "file_back", ""]


@pytest.mark.parametrize(
    ("angles", "slots"),
    [
        ((None, "left"), ["0", "1", "", ""]),
        ((None, None, None, None), ["0", "1", "2", "3"]),
        (("left", None), ["1", "0", "", ""]),
        (("front", "front", "right"), ["0", "", "", "2"]),
    ],
)
def test_slots_of_unnamed_pictures(angles: tuple[Angle | None, ...], slots: list[str]) -> None:
    """A picture without an angle takes the first free side; a second of a side is left out."""
    pictures = tuple(Picture(b"x", "image/jpeg", angle) for angle in angles)
    named = [picture for picture in pictures if picture.angle is not None]
    unnamed = [picture for picture in pictures if picture.angle is None]
    in_turn = list(dict.fromkeys(picture.angle for picture in named))
    uploads = [str(angles.index(angle)) for angle in in_turn]
    uploads += [str(n) for n, angle in enumerate(angles) if angle is None][: len(unnamed)]
    order = replace(GENERATE, pictures=pictures)
    step = step_of(order, *(token(upload) for upload in uploads))
    assert step.body["inputs"] == slots


def test_a_side_that_has_no_slot_is_left_out() -> None:
    """With the front alone left, it is one image."""
    order = replace(GENERATE, pictures=(FRONT, replace(LEFT, angle="top")))
    assert step_of(order, token("file_1")).body["input"] == "file_1"


def test_pictures_without_a_front_cannot_be_used() -> None:
    """Nothing is uploaded for a request that would be refused."""
    order = replace(GENERATE, pictures=(LEFT, BACK))
    calls, outcome = converse(Tripo().prepare(order, ()))
    assert not calls
    assert isinstance(outcome, Failure)


def test_upload_that_fails() -> None:
    """Nothing was bought: the stage waits."""
    _, outcome = converse(
        Tripo().prepare(GENERATE, ()), answer(429, {"code": 1007, "message": "slow"})
    )
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.RATE_LIMITED
    _, outcome = converse(Tripo().prepare(GENERATE, ()), answer(200, {"code": 0, "data": {}}))
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.UNAVAILABLE


def test_refine_textures_the_preview() -> None:
    """The texture operation has its own line of models, and is told what to paint."""
    step = step_of(replace(REFINE, source=SOURCE, texture_prompt="worn steel"))
    assert step.resource == "texture"
    assert step.body == {
        "input": SOURCE.id,
        "model": "v3.0-20250812",
        "texture": True,
        "pbr": True,
        "texture_prompt": {"text": "worn steel"},
    }


def test_remesh_is_one_convert_a_format() -> None:
    """GLB first, then each further format from the same source with the same limit."""
    order = replace(REMESH, source=SOURCE, formats=("glb", "fbx", "usdz"))
    first = step_of(order)
    assert (first.name, first.resource) == ("convert-glb", "convert")
    assert first.body == {"input": SOURCE.id, "format": "GLTF", "face_limit": 3500}
    glb, fbx = finished("convert-glb"), finished("convert-fbx", "fbx")
    assert step_of(order, done=(glb,)).body == {
        "input": SOURCE.id,
        "format": "FBX",
        "face_limit": 3500,
    }
    assert step_of(order, done=(glb, fbx)).body["format"] == "USDZ"


def test_converted_formats_together_are_the_output() -> None:
    """Each format comes once, the thumbnail from the first."""
    order = replace(REMESH, source=SOURCE)
    done = (finished("convert-glb"), finished("convert-fbx", "fbx"))
    _, outcome = converse(Tripo().prepare(order, done))
    assert isinstance(outcome, Complete)
    assert {(link.role, link.url) for link in outcome.output.links} == {
        ("model", "https://a/convert-glb.glb"),
        ("model", "https://a/convert-fbx.fbx"),
        ("thumbnail", "https://a/convert-glb.webp"),
    }


def test_further_format_of_a_stage_without_remesh() -> None:
    """It is converted from what the stage made, without a limit."""
    order = replace(PREVIEW, formats=("glb", "fbx"))
    step = step_of(order, done=(finished("preview"),))
    assert step.body == {"input": "task-preview", "format": "FBX"}


def test_rig_is_checked_first() -> None:
    """The check is free; the rig is told what the check found."""
    order = replace(RIG, source=SOURCE)
    assert step_of(order).resource == "rig-check"
    checked = finished("rig-check", riggable=True, rig_type="quadruped")
    step = step_of(order, done=(checked,))
    assert step.resource == "rig"
    assert step.body == {
        "input": SOURCE.id,
        "model": "v2.5-20260210",
        "rig_type": "quadruped",
        "spec": "tripo",
        "out_format": "glb",
    }


def test_what_cannot_be_rigged_is_complete_and_says_so() -> None:
    """Nothing more is bought."""
    checked = Done("rig-check", SOURCE, Succeeded(Output(facts={"riggable": False})))
    _, outcome = converse(Tripo().prepare(replace(RIG, source=SOURCE), (checked,)))
    assert outcome == Complete(Output(facts={"riggable": False}))


def test_further_format_of_a_rig_keeps_its_bones() -> None:
    """It is converted from the rigged model, with its animation."""
    order = replace(RIG, source=SOURCE, formats=("glb", "fbx"))
    done = (finished("rig-check", riggable=True), finished("rig"))
    assert step_of(order, done=done).body == {
        "input": "task-rig",
        "format": "FBX",
        "with_animation": True,
    }


@pytest.mark.parametrize(
    "order",
    [Order(Stage.CONCEPT, prompt="x"), Order(Stage.PREVIEW), Order(Stage.REMESH), GENERATE],
)
def test_order_that_cannot_be_done(order: Order) -> None:
    """What Tripo can't do is a failure, not an exception."""
    _, outcome = converse(Tripo().prepare(replace(order, pictures=()), ()))
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize("order", [PREVIEW, REFINE, REMESH, RIG])
def test_paid_calls(order: Order) -> None:
    """A paid call says that it is one, counts against its rate, and its journal is small."""
    step = step_of(order)
    call = Tripo().creation(step)
    assert call.paid
    assert call.path.startswith("/v3/")
    assert call.pace in Tripo.limits
    assert len(orjson.dumps(step.content)) < 2000
