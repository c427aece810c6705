"""A judge that never finds anything proves nothing."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from tests.bench.glb.atlas import unwrap
from tests.bench.glb.thinning import model_like_mesh
from tests.glb.conformance.comparison import Difference, compare
from tests.glb.conformance.decoded import Array, Decoded, Grid, Integers, Primitive
from tests.glb.conformance.promise import new_errors
from tests.glb.conformance.scenes import ground

GRID = Grid(bits=14, range=1.0, origin=(0.0, -0.2, 0.0))


def primitive(attributes: Mapping[str, Array], corners: Array, grid: Grid | None) -> Primitive:
    plain = dict.fromkeys(attributes, False)
    packed = grid is not None
    return Primitive(0, 0, 4, packed, grid, attributes, plain, corners.reshape(-1, 1), [])


def lawn() -> Primitive:
    points, corners = ground()
    upright = np.tile(np.array([0, 1, 0], np.float32), (len(points), 1))
    flat = np.ascontiguousarray(points[:, [0, 2]])
    named = {"POSITION": points, "NORMAL": upright, "TEXCOORD_0": flat}
    return primitive(named, corners, None)


def packed(source: Primitive, corners: Integers | None = None) -> Primitive:
    """On the grid, the vertices and triangles in another order and turned, as Draco leaves them."""
    shuffle = np.random.default_rng(1).permutation(len(source.attributes["POSITION"]))
    place = np.argsort(shuffle)
    named = {name: array[shuffle] for name, array in source.attributes.items()}
    steps = np.rint((named["POSITION"].astype(np.float64) - GRID.origin) / GRID.step)
    named["POSITION"] = (steps * GRID.step + GRID.origin).astype(np.float32)
    whole = source.corners() if corners is None else corners
    return primitive(named, np.roll(place[whole[::-1]], 1, axis=1), GRID)


def difference(*pairs: tuple[Primitive, Primitive]) -> Difference:
    before, after = zip(*pairs, strict=True)
    return compare(Decoded({}, before, {}, []), Decoded({}, after, {}, []))


def test_order_is_no_difference() -> None:
    """Vertices and triangles may come in any order; only rounding is seen, and how far it went."""
    found = difference((lawn(), packed(lawn())))
    assert (found.lost, found.gained, found.other, found.crack) == (0, 0, [], 0)
    assert 0.5 < found.position < 0.867
    assert found.normal < 1e-6
    assert found.uv == 0


def test_a_lost_triangle_is_noticed() -> None:
    """One triangle of a thousand that is missing is counted."""
    found = difference((lawn(), packed(lawn(), lawn().corners()[1:])))
    assert (found.lost, found.gained) == (1, 0)


def test_a_triangle_seen_from_behind_is_another_one() -> None:
    """A triangle that was turned over is one lost and one gained."""
    corners = lawn().corners()
    corners[7] = corners[7, ::-1]
    found = difference((lawn(), packed(lawn(), corners)))
    assert (found.lost, found.gained) == (1, 1)


def test_a_vertex_in_the_wrong_place_is_noticed() -> None:
    """A vertex that lies a step too far is a position error above the bound."""
    moved = packed(lawn())
    moved.attributes["POSITION"][5, 0] += np.float32(GRID.step)
    assert difference((lawn(), moved)).position > 0.87


@pytest.mark.parametrize(("name", "kind"), [("NORMAL", "normal"), ("TEXCOORD_0", "uv")])
def test_a_wrong_attribute_is_noticed(name: str, kind: str) -> None:
    """One vertex with another's normal or texture coordinate shows."""
    changed = packed(lawn())
    changed.attributes[name][5] = changed.attributes[name][5][::-1] + np.float32(0.25)
    assert getattr(difference((lawn(), changed)), kind) > 0.2


def test_a_missing_attribute_is_noticed() -> None:
    """An attribute that did not come along is named."""
    bare = packed(lawn())
    named = {name: array for name, array in bare.attributes.items() if name != "NORMAL"}
    found = difference((lawn(), replace(bare, attributes=named)))
    assert found.other == ["mesh 0 primitive 0 NORMAL is missing"]


def test_a_crack_is_noticed() -> None:
    """Two primitives that met and no longer do are a crack as wide as the gap."""
    apart = packed(lawn())
    apart.attributes["POSITION"][:, 1] += np.float32(GRID.step / 2)
    found = difference((lawn(), packed(lawn())), (lawn(), apart))
    assert found.crack == pytest.approx(GRID.step / 2, rel=0.01)


def test_only_new_errors_count() -> None:
    """A file that was invalid may stay so, but not become more so."""
    assert new_errors(["A", "A"], ["A", "B", "A", "A"]) == ["A", "B"]


def test_generated_models_are_closed_and_as_large_as_asked() -> None:
    """Models made for the bench are what they say: every edge has two sides, no chart is flat."""
    mesh = model_like_mesh(2000, seed=1)
    both = np.concatenate([mesh.triangles[:, pair] for pair in ([0, 1], [1, 2], [2, 0])])
    forth = {(int(a), int(b)) for a, b in both}
    assert len(mesh.triangles) in (2000, 2001)
    assert len(forth) == len(both)
    assert forth == {(b, a) for a, b in forth}
    uvs = unwrap(mesh).uvs
    assert uvs.min() >= 0
    assert uvs.max() <= 1
