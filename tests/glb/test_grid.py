"""How finely positions are kept, and when no grid is fine enough."""

from typing import Any

import numpy as np
import pytest

from tests.glb.build import Array, Builder, Surface, bumpy
from worker.glb import Options, Preset, optimize
from worker.glb.report import PrimitiveReport

FLAT = [1.0, 1.0, 300.0]


def with_a_stray(far: float) -> Builder:
    """A surface of size 1, and one small triangle so far off."""
    surface = bumpy(40)
    count = len(surface.positions)
    stray = np.array([[far, 0, 0], [far, far / 1e5, 0], [far, 0, far / 1e5]], np.float32)
    positions = np.concatenate([surface.positions, stray])
    faces = np.concatenate([surface.faces, [[count, count + 1, count + 2]]]).astype(np.uint32)
    builder = Builder()
    builder.mesh(builder.primitive({"POSITION": positions}, faces))
    return builder


def told(builder: Builder, options: Options = Options()) -> PrimitiveReport:  # noqa: B008
    (primitive,) = optimize(builder.data(), options).report.primitives
    return primitive


@pytest.mark.parametrize(("far", "bits"), [(1, 14), (60, 17), (200, 19)])
def test_the_grid_follows_the_detail_and_not_the_box(far: float, bits: int) -> None:
    """A stray triangle makes the box large, and the grid as much finer."""
    primitive = told(with_a_stray(far))
    assert primitive.position_bits == bits
    assert primitive.position_error is not None
    assert primitive.position_error < 0.04 / 39


@pytest.mark.parametrize("far", [1e4, 1e5, 1e9])
def test_what_no_grid_can_keep_is_left_alone(far: float) -> None:
    """Unless whoever asks for bits knows better."""
    builder = with_a_stray(far)
    assert "too fine for a grid" in told(builder).note
    assert told(builder, Options(position_bits=16)).encoding == "draco"


@pytest.mark.parametrize(("slivers", "encoding"), [(3, "draco"), (40, "unchanged")])
def test_a_few_slivers_decide_nothing_for_a_large_mesh(slivers: int, encoding: str) -> None:
    """They cost the others a finer grid, but not their compression."""
    surface = bumpy(100)
    corner = np.arange(slivers, dtype=np.float32) / 100
    thin = np.stack([corner] * 3, axis=1)[:, None] + np.float32(1e-7) * np.eye(3, dtype=np.float32)
    builder = Builder()
    builder.mesh(
        builder.primitive({"POSITION": surface.positions}, surface.faces),
        builder.primitive({"POSITION": thin.reshape(-1, 3)}),
    )
    first, _ = optimize(builder.data()).report.primitives
    assert first.encoding == encoding


def terrain() -> Surface:
    """Heights from 0 to 1 over 2000 units: a node makes mountains of them."""
    surface = bumpy(60)
    heights = surface.positions[:, 2:] - surface.positions[:, 2].min()
    return Surface(
        np.hstack([surface.positions[:, :2] * 2000, heights / heights.max()]),
        surface.normals,
        surface.uvs,
        surface.faces,
    )


def shown(*nodes: dict[str, Any], positions: Array | None = None) -> Builder:
    """The first node is the root, each of the others the child of the one before it."""
    surface = terrain()
    positions = surface.positions if positions is None else positions
    builder = Builder()
    builder.mesh(builder.primitive({"POSITION": positions}, surface.faces))
    builder.root["nodes"] = [
        dict(node) | ({"children": [number]} if number < len(nodes) else {"mesh": 0})
        for number, node in enumerate(nodes, 1)
    ]
    return builder


@pytest.mark.parametrize(
    "nodes",
    [
        [{"scale": FLAT}],
        [{"scale": FLAT}, {"rotation": [0, 0, 0.6, 0.8]}],
        [{"matrix": [1, 0, 0, 0, 0, 0, 1, 0, 0, 300, 0, 0, 0, 0, 0, 1]}, {"scale": [7, 7, 7]}],
        [{"scale": [1, 300, 1]}, {"rotation": [0.5**0.5, 0, 0, 0.5**0.5]}],
    ],
)
@pytest.mark.parametrize("preset", [Preset.BALANCED, Preset.WEB])
def test_a_mesh_that_its_node_stretches_keeps_its_heights(
    nodes: list[dict[str, Any]], preset: Preset
) -> None:
    """What counts is the error in the world, as a share of the world's size."""
    primitive = told(shown(*nodes), Options(preset=preset))
    assert primitive.position_error is not None
    assert primitive.position_error * 300 <= 4.3e-4 * 2000


@pytest.mark.parametrize(
    "nodes",
    [
        [{"scale": [5, 5, 5]}],
        [{"scale": [-2, 2, 2]}, {"rotation": [0.1, 0.7, 0.1, 0.7]}],
        [{"scale": [1, 1, 0]}],
        [{"scale": [0, 0, 0]}],
        [{"scale": "much"}, {"rotation": [1, 2]}, {"matrix": [None] * 16}],
        [{"scale": [1e300, 1, 1]}],
        [{"scale": [1e300, 1, 1]}, {"scale": [1e300, 1, 1]}],
        [{"scale": [1e-300, 1, 1]}],
        [{"scale": FLAT, "skin": 0}],
    ],
)
def test_nodes_that_stretch_nothing_change_nothing(nodes: list[dict[str, Any]]) -> None:
    """Nor do those that say nothing that could be understood, or move bones."""
    builder = shown(*nodes)
    if "skin" in builder.root["nodes"][0]:
        builder.root["skins"] = [{"joints": [0]}]
    assert told(builder).position_bits == told(shown({})).position_bits


def test_a_plane_may_be_stretched_along_what_it_has_not() -> None:
    """Its third scale is often left at some number that nobody ever saw."""
    flat = terrain().positions * np.array([1, 1, 0], np.float32)
    assert (
        told(shown({"scale": FLAT}, positions=flat)).position_bits
        == told(shown({}, positions=flat)).position_bits
    )
