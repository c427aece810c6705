"""Primitives of one mesh that meet: some move a little, some stay, and nothing may gape."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.glb.build import Array, Builder, bumpy, one_mesh
from tests.glb.read import read_geometry
from worker.glb import Options, optimize
from worker.glb.container import Json
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


def external(builder: Builder, **more: Any) -> Json:
    builder.root["buffers"] = [
        {"byteLength": len(builder.binary)},
        {"byteLength": 1200, "uri": "more.bin"},
    ]
    view = {"buffer": 1, "byteLength": 1200, "byteStride": 12}
    return {"bufferView": builder.add("bufferViews", view | more), "type": "VEC3"}


def packed_by_meshopt(builder: Builder) -> Json:
    name = "EXT_meshopt_compression"
    packed = {"buffer": 0, "byteLength": 200, "byteStride": 12, "count": 99, "mode": "ATTRIBUTES"}
    builder.declare(name, required=True)
    return external(builder, extensions={name: packed})


def matrices(builder: Builder) -> Json:
    return {"bufferView": builder.view(bytes(99 * 64)), "type": "MAT4"}


@pytest.mark.parametrize("positions", [external, packed_by_meshopt, matrices])
def test_what_lies_beside_unreadable_positions_stays(
    positions: Callable[[Builder], Json],
) -> None:
    """They may meet anywhere. That is no reason to refuse the file."""
    builder = one_mesh()
    described = positions(builder) | {"componentType": 5126, "count": 99}
    primitive: Json = {"attributes": {"POSITION": builder.add("accessors", described)}}
    builder.root["meshes"][0]["primitives"].append(primitive)
    first, other = told(builder)
    assert (first.encoding, other.encoding) == ("unchanged", "unchanged")
    assert "would crack" in first.note


CORNER = bumpy().positions[:1]


@pytest.mark.parametrize(("vertices", "corners"), [(3, 3), (1, 1), (1, 5)])
def test_what_has_no_area_keeps_nothing_from_being_encoded(vertices: int, corners: int) -> None:
    """It can't be seen to gape, also where it lies in a corner of the others."""
    alone = optimize(one_mesh().data()).report
    builder = one_mesh()
    positions = CORNER.repeat(vertices, axis=0)
    empty = builder.primitive({"POSITION": positions}, np.zeros(corners, np.uint32))
    builder.root["meshes"][0]["primitives"].append(empty)
    first, other = told(builder)
    assert first == alone.primitives[0]
    assert (other.encoding, other.note) == ("unchanged", "it has no triangle with an area")


def test_what_has_no_area_may_open_beside_the_others() -> None:
    """Its corners are moved apart by bones, and then it reaches from one edge to another."""
    builder = one_mesh()
    flat: dict[str, Array] = {
        "POSITION": CORNER.repeat(3, axis=0),
        "JOINTS_0": np.eye(3, 4, dtype=np.uint8),
        "WEIGHTS_0": np.eye(1, 4, dtype=np.float32).repeat(3, axis=0),
    }
    builder.root["meshes"][0]["primitives"].append(builder.primitive(flat))
    assert all("may open" in one.note for one in told(builder))
