"""Primitives of one mesh that meet: some move a little, some stay, and nothing may gape."""

import numpy as np
import pytest

from tests.glb.build import Array, Builder, bumpy
from tests.glb.read import read_geometry
from worker.glb import Options, optimize
from worker.glb.report import PrimitiveReport

FACES = bumpy().faces
STEPS = np.rint(bumpy().positions * [250, 250, 100] + [0, 0, 60]).astype(np.float32)


def beside_whole_numbers(floats: Array, *, normalized: bool, faces: Array = FACES) -> Builder:
    """A primitive in bytes, from 0 to 250, and another one in floats."""
    builder = Builder()
    whole = builder.primitive({"POSITION": STEPS.astype(np.uint8)}, FACES)
    builder.root["accessors"][0]["normalized"] = normalized
    builder.mesh(whole, builder.primitive({"POSITION": floats}, faces))
    builder.declare("KHR_mesh_quantization", required=True)
    return builder


def told(builder: Builder, options: Options = Options()) -> list[PrimitiveReport]:  # noqa: B008
    return list(optimize(builder.data(), options).report.primitives)


@pytest.mark.parametrize(("normalized", "largest"), [(True, 255), (False, 1)])
def test_what_touches_whole_numbers_stays(*, normalized: bool, largest: int) -> None:
    """They keep their places to the last bit, so what moves beside them would gape."""
    mirrored = STEPS * np.array([-1, 1, 1], np.float32) / np.float32(largest)
    notes = [one.note for one in told(beside_whole_numbers(mirrored, normalized=normalized))]
    assert all("would crack" in note for note in notes)


@pytest.mark.parametrize("normalized", [True, False])
def test_whole_numbers_don_t_coarsen_the_grid_of_floats(*, normalized: bool) -> None:
    """The grid of what moves goes over nothing else, and keeps its bound."""
    apart = bumpy().positions * np.float32(3) + np.float32(0.01)
    data = optimize(beside_whole_numbers(apart, normalized=normalized).data()).data
    whole, floats = (read_geometry(data, primitive=number) for number in (0, 1))
    assert whole.compressed
    assert floats.compressed
    moved = np.abs(floats.attributes["POSITION"][:, None] - apart).max(axis=2).min(axis=1)
    assert moved.max() <= 0.87 * 3 / 16383
    assert {*map(tuple, whole.attributes["POSITION"])} == {*map(tuple, STEPS)}
