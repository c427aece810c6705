"""How far an output is from its source, vertex by vertex."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tests.glb.conformance.decoded import Array, Decoded, Floats, Primitive
from tests.glb.conformance.matching import Match, exact_keys, match_triangles

NEARLY_ZERO = 1e-12


@dataclass
class Difference:
    """The worst of a file; 0 where it has nothing of the kind."""

    lost: int = 0
    gained: int = 0
    position: float = 0.0  # in steps of the grid: half a space diagonal is 0.866
    position_of_extent: float = 0.0  # in parts of the mesh's longest side
    grid_of_box: float = 1.0  # the grid's size in parts of the mesh's longest side
    bits: int | None = None
    normal: float = 0.0  # degrees
    uv: float = 0.0  # in the units of the coordinates
    tangent: float = 0.0  # a component
    weight: float = 0.0
    weight_sum: float = 0.0
    colour: float = 0.0
    crack: float = 0.0  # between primitives of a mesh, in the mesh's units
    other: list[str] = field(default_factory=list)  # what should be equal and is not

    def worst(self, name: str, value: float) -> None:
        setattr(self, name, max(getattr(self, name), float(value)))


def compare(source: Decoded, output: Decoded) -> Difference:
    found = Difference()
    found.other += unequal_arrays(source, output)
    if len(source.primitives) != len(output.primitives):
        found.other.append(f"{len(output.primitives)} of {len(source.primitives)} primitives")
        return found
    pairs = list(zip(source.primitives, output.primitives, strict=True))
    for mesh in sorted({before.mesh for before, _ in pairs}):
        compare_mesh([pair for pair in pairs if pair[0].mesh == mesh], found)
    return found


def unequal_arrays(source: Decoded, output: Decoded) -> Iterator[str]:
    for name in source.exact.keys() | output.exact.keys():
        one, other = source.exact.get(name), output.exact.get(name)
        if one is None or other is None or not np.array_equal(one, other, equal_nan=True):
            yield name


def compare_mesh(pairs: Sequence[tuple[Primitive, Primitive]], found: Difference) -> None:
    extent = largest_side([before for before, _ in pairs])
    moved = []
    for before, after in pairs:
        if not before.has_triangles or not after.has_triangles or not after.packed:
            compare_plain(before, after, found)
            if not after.has_triangles:
                continue
        match = match_triangles(before, after)
        compare_matched(before, after, match, extent, found)
        moved.append(moves(before, after, match))
    found.worst("crack", widest_crack(moved))


def compare_plain(before: Primitive, after: Primitive, found: Difference) -> None:
    """Lines, points and morphed primitives keep their order; targets are never touched."""
    targets = zip(before.targets, after.targets, strict=False)
    equal = len(before.targets) == len(after.targets) and all(
        one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)
        for one, other in targets
    )
    if not equal:
        found.other.append(f"{before.name} targets")
    if before.has_triangles and not before.targets:
        return
    for name in before.attributes:
        same = name in after.attributes and np.array_equal(before.values(name), after.values(name))
        if not same:
            found.other.append(f"{before.name} {name}")


def largest_side(primitives: Sequence[Primitive]) -> float:
    """Of the box around the vertices that triangles use; stray ones may not widen the grid."""
    used = [
        primitive.values("POSITION")[np.unique(primitive.corners())]
        for primitive in primitives
        if primitive.has_triangles
    ]
    points = np.concatenate([*used, np.empty((0, 3))])
    points = points[np.isfinite(points).all(axis=1)]
    return float(np.ptp(points, axis=0).max()) if len(points) else 0.0


def compare_matched(
    before: Primitive, after: Primitive, match: Match, extent: float, found: Difference
) -> None:
    found.lost += match.lost
    found.gained += match.gained
    one, other = match.source.reshape(-1), match.output.reshape(-1)
    if len(one):
        compare_positions(before, after, (one, other), extent, found)
        compare_attributes(before, after, (one, other), found)


def compare_positions(
    before: Primitive, after: Primitive, rows: tuple[Array, Array], extent: float, found: Difference
) -> None:
    positions = before.values("POSITION")[rows[0]]
    apart = distance(positions, after.values("POSITION")[rows[1]])
    found.worst("position_of_extent", apart / extent if extent else 0.0)
    if after.grid is None:
        return
    # A float far from the origin is itself only so exact.
    rounding = float(np.spacing(np.abs(positions).max().astype(np.float32))) * np.sqrt(3)
    found.worst("position", max(apart - rounding, 0.0) / after.grid.step)
    found.worst("grid_of_box", after.grid.range / extent if extent else 1.0)
    found.bits = min(after.grid.bits, found.bits or after.grid.bits)


def distance(one: Floats, other: Floats) -> float:
    return float(np.linalg.norm(one - other, axis=1).max())


def compare_attributes(
    before: Primitive, after: Primitive, rows: tuple[Array, Array], found: Difference
) -> None:
    for name in before.attributes:
        if name == "POSITION":
            continue
        if name not in after.attributes:
            found.other.append(f"{before.name} {name} is missing")
            continue
        one, other = before.values(name)[rows[0]], after.values(name)[rows[1]]
        compare_attribute(f"{before.name} {name}", name, (one, other), found)


def compare_attribute(
    place: str, name: str, values: tuple[Floats, Floats], found: Difference
) -> None:
    one, other = values
    kind = name.rstrip("0123456789").rstrip("_")
    if kind == "NORMAL":
        found.worst("normal", widest_angle(one, other))
    elif kind == "WEIGHTS":
        found.worst("weight_sum", largest(one.sum(axis=1) - other.sum(axis=1)))
        found.worst("weight", largest(one - other))
    elif kind in ("TEXCOORD", "TANGENT", "COLOR"):
        field_name = {"TEXCOORD": "uv", "TANGENT": "tangent", "COLOR": "colour"}[kind]
        width = min(one.shape[1], other.shape[1])
        found.worst(field_name, largest(one[:, :width] - other[:, :width]))
    elif not np.array_equal(one, other, equal_nan=True):
        found.other.append(place)


def largest(values: Floats) -> float:
    return float(np.abs(values).max())


def widest_angle(one: Floats, other: Floats) -> float:
    """In degrees; a source normal without a direction has nothing to differ from."""
    length = np.linalg.norm(one, axis=1)
    sound = np.isfinite(length) & (length > NEARLY_ZERO)
    if not sound.any():
        return 0.0
    first = one[sound] / length[sound, None]
    second = other[sound] / np.linalg.norm(other[sound], axis=1, keepdims=True)
    cross = np.linalg.norm(np.cross(first, second), axis=1)
    return float(np.degrees(np.arctan2(cross, (first * second).sum(axis=1))).max())


@dataclass(frozen=True)
class Moves:
    """Where each corner was, as a key, and where it is."""

    keys: Array
    places: Floats


def moves(before: Primitive, after: Primitive, match: Match) -> Moves:
    one, other = match.source.reshape(-1), match.output.reshape(-1)
    _, first = np.unique(one, return_index=True)
    positions = before.values("POSITION")[one[first]]
    return Moves(exact_keys(positions), after.values("POSITION")[other[first]])


def widest_crack(moved: Sequence[Moves]) -> float:
    """The furthest that vertices came apart which were in exactly one place."""
    if not moved:
        return 0.0
    keys, groups = np.unique(np.concatenate([each.keys for each in moved]), return_inverse=True)
    places = np.concatenate([each.places for each in moved])
    low = np.full((len(keys), 3), np.inf)
    high = np.full((len(keys), 3), -np.inf)
    np.minimum.at(low, groups.reshape(-1), places)
    np.maximum.at(high, groups.reshape(-1), places)
    return float((high - low).max()) if len(keys) else 0.0
