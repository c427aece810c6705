from typing import Any

import pytest

from tests.conformance.meshy.api import Meshy
from tests.conformance.meshy.orders import (
    JPEG,
    OMITTED,
    PNG,
    built_on,
    image,
    images,
    preview,
    previewed,
    textured_small,
)

SMART = {"model_type": "smart-topology", "ai_model": "meshy-t2"}


def told(changes: dict[str, Any]) -> str:
    return ",".join(f"{key}={str(value)[:20]}" for key, value in changes.items())


ACCEPTED_PREVIEWS: list[dict[str, Any]] = [
    {"prompt": "x" * 600},
    {"ai_model": OMITTED},
    *({"ai_model": model} for model in ("latest", "meshy-5", "meshy-6", "meshy-7")),
    SMART,
    SMART | {"ai_model": OMITTED},
    SMART | {"target_polycount": 15_000},
    {"should_remesh": True, "topology": "quad"},
    {"should_remesh": True, "target_polycount": 100},
    {"should_remesh": True, "target_polycount": 300_000},
    *({"should_remesh": True, "decimation_mode": mode} for mode in (1, 2, 3, 4)),
    *({"pose_mode": pose} for pose in ("", "a-pose", "t-pose")),
    {"moderation": True},
    {"ai_model": "meshy-7", "ultra_mode": True},
    {"target_formats": ["glb", "obj", "fbx", "stl", "usdz", "3mf"]},
    {"alpha_thumbnail": True},
    {"auto_size": True, "origin_at": "center"},
    *({"symmetry_mode": mode} for mode in ("off", "auto", "on")),
    {"is_a_t_pose": True},
    *({"art_style": style} for style in ("realistic", "sculpture")),
    {"negative_prompt": "low quality"},
    {"texture_richness": "high"},
]
ACCEPTED_IMAGES: list[dict[str, Any]] = [
    {"image_url": JPEG},
    {"should_texture": False},
    {"enable_pbr": True},
    *({"texture_resolution": size} for size in ("2k", "4k", "8k")),
    {"hd_texture": True},
    {"texture_prompt": "x" * 600},
    {"texture_image_url": PNG},
    {"save_pre_remeshed_model": True, "should_remesh": True},
    {"image_enhancement": False, "remove_lighting": False, "moderation": True},
    {"multi_view_thumbnails": True, "alpha_thumbnail": True},
    {"pose_mode": "t-pose", "auto_size": True, "origin_at": "bottom"},
]


@pytest.mark.parametrize("changes", ACCEPTED_PREVIEWS, ids=told)
def test_preview_accepts(meshy: Meshy, changes: dict[str, Any]) -> None:
    """Every documented value, limit and deprecated field is accepted."""
    assert meshy.created("text-to-3d", preview(**changes))


@pytest.mark.parametrize("changes", ACCEPTED_IMAGES, ids=told)
def test_image_to_3d_accepts(meshy: Meshy, changes: dict[str, Any]) -> None:
    """Every documented option of image to 3D is accepted."""
    assert meshy.created("image-to-3d", image(**changes))


REMESH_OPTIONS: list[dict[str, Any]] = [
    {"target_formats": ["glb", "fbx", "obj", "usdz", "blend", "stl", "3mf"]},
    {"topology": "quad", "target_polycount": 100},
    {"target_polycount": 300_000},
    *({"decimation_mode": mode} for mode in (1, 2, 3, 4)),
    {"alpha_thumbnail": True},
    {"resize_height": 1.5, "origin_at": "bottom"},
    {"resize_longest_side": 2.0, "origin_at": "center"},
    {"resize_height": 0, "resize_longest_side": 0, "auto_size": True},
    {"convert_format_only": True, "target_formats": ["fbx"]},
]


@pytest.mark.parametrize("changes", REMESH_OPTIONS, ids=told)
def test_remesh_accepts(meshy: Meshy, changes: dict[str, Any]) -> None:
    """Every documented option of remesh is accepted, deprecated ones too; 0 stands for not set."""
    assert meshy.created("remesh", built_on(previewed(meshy), **changes))


@pytest.mark.parametrize("changes", [{"height_meters": 1.2}, {"texture_image_url": PNG}], ids=told)
def test_rigging_accepts(meshy: Meshy, changes: dict[str, Any]) -> None:
    """Rigging takes a height and a texture."""
    assert meshy.created("rigging", built_on(textured_small(meshy), **changes))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_multi_image_to_3d_accepts(meshy: Meshy, count: int) -> None:
    """One to four images are accepted, with as many for the texture on meshy-7."""
    textured = images(count, ai_model="meshy-7", texture_image_urls=[JPEG] * count)
    assert meshy.created("multi-image-to-3d", images(count))
    assert meshy.created("multi-image-to-3d", textured)
