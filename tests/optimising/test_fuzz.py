"""Files damaged in every way: a check always ends in a verdict, never in an error."""

from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.optimising import models
from worker.optimising.kinds import check_file
from worker.simulator.models import make_model

PICTURES = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}
MODELS = ("glb", "obj", "mtl", "fbx", "stl", "usdz", "3mf")


@cache
def sound(kind: str) -> bytes:
    if kind in PICTURES:
        return models.picture(PICTURES[kind])
    return make_model("knot", 300, True, True, texture_size=16).file(kind)  # noqa: FBT003 - textured, PBR


@st.composite
def damage(draw: st.DrawFn, kind: str) -> bytes:
    """Some bytes changed, near either end more often than not, and perhaps the end cut off."""
    data = bytearray(sound(kind))
    last = len(data) - 1
    near_an_end = st.integers(0, min(200, last)) | st.integers(max(0, last - 200), last)
    places = draw(st.lists(near_an_end | st.integers(0, last), max_size=6))
    for place in places:
        data[place] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.none() | st.integers(1, len(data)))])


@pytest.mark.parametrize("kind", [*MODELS, *PICTURES])
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_a_damaged_file_gets_a_verdict(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    """What stumbles over a file blames the file, not the process."""
    file = models.put(tmp_path, data.draw(damage(kind)), "file")
    assert check_file(str(file), kind).keys() <= {"sound", "unsound"}
