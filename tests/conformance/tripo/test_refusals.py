from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.pictures import data_uri, picture
from tests.conformance.tripo.api import CONVERT, IMAGE, RIG, RIG_CHECK, TEXT, TEXTURE, Tripo
from tests.conformance.tripo.orders import (
    OMITTED,
    OPERATIONS,
    P_SERIES,
    Operation,
    convert,
    image,
    made,
    rig,
    rig_check,
    text,
    texture,
)
from tests.conformance.tripo.refusal import costs_nothing

INVALID = (1003, 1004)
P2 = "P2-20260801"
SMART = {"smart_low_poly": True}
UNTEXTURED = {"texture": False, "pbr": False}

TEXTS: list[dict[str, Any]] = [
    {"prompt": OMITTED},
    {"prompt": ""},
    {"prompt": 7},
    {"prompt": "x" * 1025},
    {"negative_prompt": "x" * 256},
    {"model": "no-such-model"},
    {"model_seed": "many"},
    {"texture": "yes"},
    {"texture_quality": "ultra"},
    {"geometry_quality": "extreme"},
    {"compress": "draco"},
    {"face_limit": "many"},
    SMART | {"face_limit": 499},
    SMART | {"face_limit": 20_001},
    SMART | {"quad": True, "face_limit": 499},
    SMART | {"quad": True, "face_limit": 10_001},
    {"model": P_SERIES, "quad": OMITTED, "face_limit": 47},
    {"model": P_SERIES, "quad": OMITTED, "face_limit": 20_001},
    {"model": P2, "quad": OMITTED, "face_limit": 47},
    {"model": P2, "quad": OMITTED, "face_limit": 50_001},
    {"generate_parts": True},
    UNTEXTURED | {"generate_parts": True, "quad": True},
]
TEXTURES: list[dict[str, Any]] = [
    {"input": OMITTED},
    {"model": "no-such-model"},
    {"texture_quality": "ultra"},
    {"texture_alignment": "sideways"},
    {"texture_prompt": "teal"},
]
CONVERSIONS: list[dict[str, Any]] = [
    {"input": OMITTED},
    {"format": OMITTED},
    {"format": "GLB"},
    {"format": "DWG"},
    {"texture_format": "GIF"},
    {"fbx_preset": "maya"},
    {"face_limit": "many"},
    {"quad": "yes"},
]
RIGS: list[dict[str, Any]] = [
    {"input": OMITTED},
    {"rig_type": "centipede"},
    {"spec": "maya"},
    {"out_format": "obj"},
    {"model": "no-such-model"},
]


def told(changes: dict[str, Any]) -> str:
    return ",".join(f"{key}={str(value)[:20]}" for key, value in changes.items())


def code_of_a_model(changes: dict[str, Any]) -> tuple[int, ...]:
    return (*INVALID, 2002, 2015) if changes.get("model") == "no-such-model" else INVALID


@pytest.mark.parametrize("operation", OPERATIONS, ids=str)
def test_an_unknown_field_is_invalid(tripo: Tripo, operation: Operation) -> None:
    """A field that the schema does not know is 400/1004."""
    answer = tripo.create(operation.path, operation.body(tripo) | {"colour": "teal"})
    assert costs_nothing(tripo, answer, 400, 1004)


@pytest.mark.parametrize("operation", OPERATIONS[:3], ids=str)
def test_the_model_is_required(tripo: Tripo, operation: Operation) -> None:
    """A generation without `model` is 400/1004."""
    body = operation.body(tripo)
    del body["model"]
    assert costs_nothing(tripo, tripo.create(operation.path, body), 400, 1004)


@pytest.mark.parametrize("changes", TEXTS, ids=told)
def test_text_refuses(tripo: Tripo, changes: dict[str, Any]) -> None:
    """A missing or invalid field of text to model is 400 and costs nothing."""
    answer = tripo.create(TEXT, text(**changes))
    assert costs_nothing(tripo, answer, 400, *code_of_a_model(changes))


@pytest.mark.parametrize("changes", TEXTURES, ids=told)
def test_texture_refuses(tripo: Tripo, changes: dict[str, Any]) -> None:
    """A missing or invalid field of texture is 400 and costs nothing."""
    answer = tripo.create(TEXTURE, texture(made(tripo), **changes))
    assert costs_nothing(tripo, answer, 400, *code_of_a_model(changes))


@pytest.mark.parametrize("changes", CONVERSIONS, ids=told)
def test_convert_refuses(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Convert needs a source and a format of its list."""
    answer = tripo.create(CONVERT, convert(made(tripo), **changes))
    assert costs_nothing(tripo, answer, 400, *INVALID)


@pytest.mark.parametrize("changes", RIGS, ids=told)
def test_rig_refuses(tripo: Tripo, changes: dict[str, Any]) -> None:
    """Rig needs a source and values of its lists."""
    answer = tripo.create(RIG, rig(made(tripo), **changes))
    assert costs_nothing(tripo, answer, 400, *code_of_a_model(changes))


def test_rig_check_needs_an_input(tripo: Tripo) -> None:
    """Rig check without a source is 400."""
    answer = tripo.create(RIG_CHECK, rig_check("", input=OMITTED))
    assert costs_nothing(tripo, answer, 400, *INVALID)


SOURCES = {
    "missing": OMITTED,
    "empty": "",
    "words": "my picture",
    "data uri": data_uri(picture()),
    "base64": data_uri(picture()).partition(",")[2],
}


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())
def test_an_input_is_a_token_an_address_or_a_task(tripo: Tripo, source: Any) -> None:
    """Data URIs, base64 and anything else are 400."""
    answer = tripo.create(IMAGE, image("", input=source))
    assert costs_nothing(tripo, answer, 400, *INVALID, 2004, 2019)


def test_an_unknown_token_is_refused(tripo: Tripo) -> None:
    """A token of no file is refused: 2019, file missing (its status is unconfirmed)."""
    answer = tripo.create(IMAGE, image(f"file_{uuid4()}"))
    assert costs_nothing(tripo, answer, (400, 404), 2019, *INVALID)
