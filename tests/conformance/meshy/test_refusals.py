from typing import Any

import pytest

from tests.conformance.meshy.api import Meshy
from tests.conformance.meshy.orders import (
    OMITTED,
    PNG,
    built_on,
    convert,
    image,
    images,
    preview,
    previewed,
    refine,
    textured_small,
)
from tests.conformance.meshy.refusal import costs_nothing, is_error
from tests.conformance.pictures import data_uri, picture

SMART = {"model_type": "smart-topology", "ai_model": "meshy-t2"}
WEBP = data_uri(picture("WEBP"), "image/webp")
GIF = data_uri(picture("GIF"), "image/gif")

SHARED: list[dict[str, Any]] = [
    {"model_type": "sculpted"},
    {"ai_model": "meshy-4"},
    {"ai_model": "no-such-model"},
    {"topology": "hexagon"},
    {"target_polycount": 99},
    {"target_polycount": 300_001},
    {"target_polycount": "many"},
    {"decimation_mode": 0},
    {"decimation_mode": 5},
    {"pose_mode": "sitting"},
    {"target_formats": ["dwg"]},
    {"target_formats": ["glb", "blend"]},
    {"target_formats": "glb"},
    {"origin_at": "top", "auto_size": True},
    {"should_remesh": "yes"},
]
PREVIEW: list[dict[str, Any]] = [
    {"mode": OMITTED},
    {"mode": "final"},
    {"prompt": OMITTED},
    {"prompt": ""},
    {"prompt": 7},
    {"prompt": "x" * 801},
    {"art_style": "cubist"},
    SMART | {"target_polycount": 15_001},
    *SHARED,
]
IMAGE: list[dict[str, Any]] = [
    {"image_url": OMITTED},
    {"image_url": ""},
    {"image_url": "katana"},
    {"image_url": WEBP},
    {"image_url": GIF},
    {"image_url": "data:image/png;base64,@@@"},
    {"image_url": "data:image/png"},
    {"image_url": "data:text/plain;base64,aGk="},
    {"should_texture": False, "enable_pbr": True},
    {"texture_prompt": "x" * 601},
    {"texture_resolution": "16k"},
    *SHARED,
]
IMAGES: list[dict[str, Any]] = [
    {"image_urls": OMITTED},
    {"image_urls": []},
    {"image_urls": [PNG] * 5},
    {"image_urls": PNG},
    {"image_urls": [PNG, WEBP]},
    {"ai_model": "meshy-7", "texture_image_urls": [PNG], "texture_prompt": "teal"},
    {"ai_model": "meshy-7", "texture_image_urls": [PNG], "texture_image_url": PNG},
    {"ai_model": "meshy-7", "texture_image_urls": [PNG] * 5},
    {"ai_model": "meshy-5", "texture_image_urls": [PNG]},
    {"should_texture": False, "enable_pbr": True},
    {"topology": "hexagon"},
    {"target_polycount": 99},
    {"target_formats": ["dwg"]},
]
REFINE: list[dict[str, Any]] = [
    {"preview_task_id": OMITTED},
    {"texture_resolution": "16k"},
    {"texture_prompt": "x" * 601},
    {"texture_image_url": WEBP},
    {"ai_model": "meshy-5"},
    {"target_formats": ["dwg"]},
]
REMESH: list[dict[str, Any]] = [
    {"input_task_id": OMITTED},
    {"target_formats": ["dwg"]},
    {"topology": "hexagon"},
    {"target_polycount": 99},
    {"target_polycount": 300_001},
    {"decimation_mode": 5},
    {"resize_height": 1.0, "resize_longest_side": 1.0},
    {"resize_height": 1.0, "auto_size": True},
    {"convert_format_only": True},
    {"input_task_id": OMITTED, "model_url": "https://files.example/statue.3dm"},
]
CONVERT: list[dict[str, Any]] = [
    {"input_task_id": OMITTED},
    {"target_formats": OMITTED},
    {"target_formats": []},
    {"target_formats": ["dwg"]},
]
RIGGING: list[dict[str, Any]] = [
    {"input_task_id": OMITTED},
    {"height_meters": "tall"},
    {"input_task_id": OMITTED, "model_url": "https://files.example/statue.obj"},
]


def told(changes: dict[str, Any]) -> str:
    return ",".join(f"{key}={str(value)[:20]}" for key, value in changes.items())


@pytest.mark.parametrize("changes", PREVIEW, ids=told)
def test_preview_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """A missing or invalid field of a preview is 400 and costs nothing."""
    assert costs_nothing(meshy, meshy.create("text-to-3d", preview(**changes)), 400)


@pytest.mark.parametrize("changes", IMAGE, ids=told)
def test_image_to_3d_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """A missing or invalid field or image is 400 and costs nothing."""
    assert costs_nothing(meshy, meshy.create("image-to-3d", image(**changes)), 400)


@pytest.mark.parametrize("changes", IMAGES, ids=told)
def test_multi_image_to_3d_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """A wrong count of images or conflicting textures are 400 and cost nothing."""
    assert costs_nothing(meshy, meshy.create("multi-image-to-3d", images(**changes)), 400)


@pytest.mark.parametrize("changes", REFINE, ids=told)
def test_refine_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """A missing or invalid field, or a model that does not fit the preview's, is 400."""
    body = refine(previewed(meshy), **changes)
    assert costs_nothing(meshy, meshy.create("text-to-3d", body), 400)


def test_high_resolution_is_not_for_meshy_5(meshy: Meshy) -> None:
    """A preview of meshy-5 can't be refined at 4k or 8k."""
    made = previewed(meshy, ai_model="meshy-5")
    for resolution in ("4k", "8k"):
        body = refine(made, texture_resolution=resolution)
        assert costs_nothing(meshy, meshy.create("text-to-3d", body), 400)


@pytest.mark.parametrize("changes", REMESH, ids=told)
def test_remesh_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """A missing source, an invalid field or two ways to resize are 400."""
    body = built_on(previewed(meshy), **changes)
    assert costs_nothing(meshy, meshy.create("remesh", body), 400)


@pytest.mark.parametrize("changes", CONVERT, ids=told)
def test_convert_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """Convert needs a source and formats that exist."""
    body = convert(previewed(meshy), **changes)
    assert costs_nothing(meshy, meshy.create("convert", body), 400)


@pytest.mark.parametrize("changes", RIGGING, ids=told)
def test_rigging_refuses(meshy: Meshy, changes: dict[str, Any]) -> None:
    """Rigging needs a finished task or a GLB."""
    body = built_on(textured_small(meshy), **changes)
    assert costs_nothing(meshy, meshy.create("rigging", body), 400)


def test_a_wrong_extension_is_named(meshy: Meshy) -> None:
    """A model of an unknown kind is refused with its extension in the message."""
    answer = meshy.create("remesh", {"model_url": "https://files.example/statue.3dm"})
    assert is_error(answer, 400)
    assert answer.json() == {"message": "Invalid model file extension: .3dm"}
