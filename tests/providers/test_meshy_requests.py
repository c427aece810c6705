"""What is sent to Meshy for each stage."""

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
    PREVIEWED,
    REFINE,
    REMESH,
    RIG,
    converse,
)
from worker.providers.failure import Failure, Kind
from worker.providers.meshy import Meshy
from worker.providers.order import Order, Stage, Step
from worker.providers.outcome import Complete, Link, Output, Ready, Succeeded
from worker.providers.protocol import Done


def step_of(order: Order, model: str = "meshy-6") -> Step:
    calls, outcome = converse(Meshy(model).prepare(order, ()))
    assert not calls
    assert isinstance(outcome, Ready)
    return outcome.step


def body_of(order: Order, model: str = "meshy-6") -> dict[str, Any]:
    return dict(step_of(order, model).body)


def test_preview_says_all_that_is_in_doubt() -> None:
    """A preview pins the model and names remesh, moderation and formats itself."""
    assert body_of(PREVIEW) == {
        "mode": "preview",
        "prompt": "a cyberpunk katana",
        "ai_model": "meshy-6",
        "should_remesh": False,
        "moderation": True,
        "target_formats": ["glb"],
    }


def test_preview_with_a_polycount_remeshes() -> None:
    """A polycount has an effect only with should_remesh, so both are sent."""
    body = body_of(replace(PREVIEW, polycount=3500, topology="quad"))
    assert (body["should_remesh"], body["topology"], body["target_polycount"]) == (
        True,
        "quad",
        3500,
    )


def test_style_goes_into_the_prompt() -> None:
    """Models that ignore art_style get it as words, and what must not be seen too."""
    body = body_of(replace(PREVIEW, art_style="cel shaded", negative_prompt="rust"))
    assert body["prompt"] == "a cyberpunk katana, cel shaded, without rust"
    assert "art_style" not in body
    assert "negative_prompt" not in body


@pytest.mark.parametrize("style", ["realistic", "Sculpture"])
def test_style_is_a_field_where_the_model_knows_it(style: str) -> None:
    """meshy-5 knows two styles by name."""
    body = body_of(replace(PREVIEW, art_style=style), "meshy-5")
    assert body["art_style"] == style.lower()
    assert body["prompt"] == "a cyberpunk katana"


def test_style_that_the_model_does_not_know_is_not_sent_as_a_field() -> None:
    """An unknown art_style would be refused with 400."""
    body = body_of(replace(PREVIEW, art_style="cel"), "meshy-5")
    assert "art_style" not in body
    assert body["prompt"].endswith(", cel")


def test_prompt_that_is_too_long_is_cut_at_a_word() -> None:
    """600 characters with the style: never refused, the style stays whole."""
    prompt = body_of(replace(PREVIEW, prompt="word " * 200, art_style="cel"))["prompt"]
    assert len(prompt) <= 600
    assert prompt.endswith("word, cel")


def test_negative_prompt_that_does_not_fit_is_left_out() -> None:
    """Half a negative prompt could ask for the contrary."""
    prompt = body_of(replace(PREVIEW, prompt="p" * 590, negative_prompt="no rust at all"))["prompt"]
    assert prompt == "p" * 590


def test_refine_builds_on_its_preview() -> None:
    """A refine names its preview, its model and whether PBR maps are made."""
    assert body_of(replace(REFINE, texture_prompt="worn steel")) == {
        "mode": "refine",
        "preview_task_id": PREVIEWED.id,
        "enable_pbr": True,
        "ai_model": "meshy-6",
        "moderation": True,
        "target_formats": ["glb"],
        "texture_prompt": "worn steel",
    }


def test_one_picture() -> None:
    """One picture goes as a data URI to image-to-3d, and the prompt guides its texture."""
    step = step_of(replace(GENERATE, prompt="worn steel", pbr=True))
    assert step.resource == "image-to-3d"
    assert step.body["image_url"] == "data:image/jpeg;base64,ZnJvbnQncyBieXRlcw=="
    assert step.body["should_texture"] is True
    assert step.body["enable_pbr"] is True
    assert step.body["texture_prompt"] == "worn steel"
    assert step.expected_credits == 30


def test_untextured_picture_says_nothing_of_pbr() -> None:
    """PBR without texture is refused with 400."""
    body = body_of(replace(GENERATE, textured=False, pbr=True, prompt="worn steel"))
    assert body["should_texture"] is False
    assert not {"enable_pbr", "texture_prompt"} & body.keys()


def test_several_pictures_have_the_front_first() -> None:
    """The rest keeps its order."""
    step = step_of(replace(GENERATE, pictures=(LEFT, BACK, FRONT)))
    assert step.resource == "multi-image-to-3d"
    assert [uri[:16] for uri in step.body["image_urls"]] == [
        "data:image/jpeg;",
        "data:image/png;b",
        "data:image/jpeg;",
    ]
    assert step.body["image_urls"][0].endswith("ZnJvbnQncyBieXRlcw==")


def test_remesh() -> None:
    """A remesh asks for GLB and what was asked besides."""
    assert body_of(REMESH) == {
        "input_task_id": PREVIEWED.id,
        "topology": "triangle",
        "target_polycount": 3500,
        "target_formats": ["glb", "fbx"],
    }


def test_rig() -> None:
    """A rig builds on a task."""
    assert body_of(RIG)["input_task_id"] == PREVIEWED.id


@pytest.mark.parametrize("order", [PREVIEW, REFINE, REMESH, RIG, GENERATE])
def test_journal_is_small(order: Order) -> None:
    """What goes into the journal is JSON without a picture's bytes."""
    step = step_of(replace(order, pictures=(replace(FRONT, data=b"x" * 100_000),)))
    assert len(orjson.dumps(step.content)) < 2000


@pytest.mark.parametrize(
    "order",
    [Order(Stage.CONCEPT, prompt="x"), Order(Stage.PREVIEW), Order(Stage.GENERATE)],
)
def test_order_that_cannot_be_done(order: Order) -> None:
    """What Meshy can't do is a failure, not an exception."""
    _, outcome = converse(Meshy().prepare(order, ()))
    assert isinstance(outcome, Failure)
    assert outcome.kind is Kind.INVALID_REQUEST


def test_one_request_completes_a_stage() -> None:
    """Every stage of Meshy is one request."""
    made = Output((Link("model", "glb", "https://a/b.glb"),))
    done = Done("preview", PREVIEWED, Succeeded(made))
    assert converse(Meshy().prepare(PREVIEW, (done,)))[1] == Complete(made)


def test_paths() -> None:
    """Text to 3D is v2, the rest v1; a paid call says that it is one."""
    call = Meshy().creation(step_of(PREVIEW))
    assert (call.method, call.path, call.paid) == ("POST", "/openapi/v2/text-to-3d", True)
    assert Meshy().creation(step_of(REMESH)).path == "/openapi/v1/remesh"
