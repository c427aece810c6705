from typing import Any

import pytest

from tests.conformance.tripo.api import CONVERT, IMAGE, RIG, TEXT, TEXTURE, Tripo
from tests.conformance.tripo.orders import (
    H_SERIES,
    OMITTED,
    P_SERIES,
    convert,
    made,
    rig,
    text,
    texture,
    uploaded_image,
)

P2 = "P2-20260801"
SMART = {"smart_low_poly": True}
UNTEXTURED = {"texture": False, "pbr": False}


def told(changes: dict[str, Any]) -> str:
    return ",".join(f"{key}={str(value)[:20]}" for key, value in changes.items())


ACCEPTED: list[dict[str, Any]] = [
    {"prompt": "x" * 1024},
    {"negative_prompt": "x" * 255},
    *({"model": model} for model in (H_SERIES, "v3.0-20250812", "v2.5-20250123")),
    {"model_seed": 7, "texture_seed": 7, "image_seed": 7},
    *({"texture_quality": quality} for quality in ("standard", "detailed", "extreme")),
    *({"geometry_quality": quality} for quality in ("standard", "detailed")),
    {"auto_size": True, "export_uv": True},
    {"quad": True},
    {"compress": "geometry"},
    {"face_limit": 10_000},
    SMART,
    SMART | {"face_limit": 1_000},
    SMART | {"face_limit": 16_000},
    SMART | {"quad": True, "face_limit": 500},
    SMART | {"quad": True, "face_limit": 8_000},
    UNTEXTURED | {"generate_parts": True},
    {"model": P_SERIES, "quad": OMITTED, "face_limit": 48},
    {"model": P_SERIES, "quad": OMITTED, "face_limit": 20_000},
    {"model": P2, "quad": OMITTED, "face_limit": 50_000},
    {"render_video": True, "render_sequence": True, "return_multiview": True},
    {"check_printable": True},
]


@pytest.mark.parametrize("changes", ACCEPTED, ids=told)
def test_text_accepts(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Every documented option and limit is accepted."""
    assert tripo.created(TEXT, text(**changes))


@pytest.mark.parametrize(
    "changes",
    [{"enable_image_autofix": True}, {"orientation": "default"}, {"texture_alignment": "geometry"}],
    ids=told,
)
def test_image_accepts(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Image to model's own options are accepted."""
    assert tripo.created(IMAGE, uploaded_image(tripo, **changes))


FORMATS = ["GLTF", "USDZ", "FBX", "OBJ", "STL", "3MF"]
CONVERT_OPTIONS: list[dict[str, Any]] = [
    *({"format": name} for name in FORMATS),
    {"quad": True, "force_symmetry": True, "face_limit": 5_000},
    {"flatten_bottom": True, "flatten_bottom_threshold": 0.01},
    *({"texture_format": name} for name in ("BMP", "DPX", "HDR", "JPEG", "PNG", "TARGA")),
    *({"texture_format": name} for name in ("TIFF", "WEBP")),
    {"texture_size": 4096, "bake": True, "pack_uv": True},
    {"pivot_to_center_bottom": True, "scale_factor": 2.0},
    {"with_animation": True, "animate_in_place": True},
    *({"fbx_preset": name} for name in ("blender", "3dsmax", "mixamo")),
    {"export_vertex_colors": True},
]


@pytest.mark.parametrize("changes", CONVERT_OPTIONS, ids=told)
def test_convert_accepts(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Every documented format and option of convert is accepted."""
    assert tripo.created(CONVERT, convert(made(tripo), **changes))


TEXTURE_OPTIONS: list[dict[str, Any]] = [
    {"model": "v2.5-20250123"},
    {"texture_prompt": {"text": "mossy stone"}},
    {"texture_quality": "detailed", "texture_seed": 7},
    {"texture": True, "pbr": False, "bake": True},
    {"compress": "geometry"},
]


@pytest.mark.parametrize("changes", TEXTURE_OPTIONS, ids=told)
def test_texture_accepts(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Every documented option of texture is accepted."""
    assert tripo.created(TEXTURE, texture(made(tripo), **changes))


RIG_OPTIONS: list[dict[str, Any]] = [
    *({"rig_type": kind} for kind in ("biped", "quadruped", "hexapod", "octopod")),
    *({"rig_type": kind} for kind in ("avian", "serpentine", "aquatic")),
    {"spec": "mixamo"},
    {"out_format": "fbx"},
    {"model": "v1.0-20240301"},
]


@pytest.mark.parametrize("changes", RIG_OPTIONS, ids=told)
def test_rig_accepts(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Every documented option of rig is accepted."""
    assert tripo.created(RIG, rig(made(tripo), **changes))
