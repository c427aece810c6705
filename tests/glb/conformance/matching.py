"""Which triangle of an output is which triangle of its source.

An encoder reorders triangles and vertices, and moves vertices to a grid. So corners are named by
the grid point that they belong to, and triangles by their three names, turned so that the least
comes first: the winding counts, the first corner doesn't.
"""

from dataclasses import dataclass

import numpy as np

from tests.glb.conformance.decoded import Array, Floats, Grid, Integers, Primitive

# Rounding decides differently for a vertex that lies half-way between two grid points; such
# triangles are looked for among their neighbours, which is slow and therefore bounded.
MOST_LEFT_OVERS = 3000
REACH_IN_STEPS = 1.01


@dataclass(frozen=True)
class Match:
    """Pairs of triangles as vertex numbers, corner by corner, and how many found no partner."""

    source: Integers
    output: Integers
    lost: int
    gained: int


def match_triangles(source: Primitive, output: Primitive) -> Match:
    source_names, output_names = corner_names(source, output)
    ours = named_triangles(source, source_names, visible_corners(source))
    theirs = named_triangles(output, output_names, output.corners())
    pairs = paired(ours, theirs)
    turn_collapsed(source, output, ours, theirs, pairs)
    if output.grid is not None:
        near = paired_by_distance(source, output, ours, theirs, pairs)
        pairs = np.concatenate([pairs, near])
    spare = np.delete(theirs.corners, pairs[:, 1], axis=0)
    return Match(
        ours.corners[pairs[:, 0]],
        theirs.corners[pairs[:, 1]],
        lost=len(ours.corners) - len(pairs),
        gained=int((~is_degenerate(output.attributes["POSITION"], spare)).sum()),
    )


def corner_names(source: Primitive, output: Primitive) -> tuple[Integers, Integers]:
    """A number for each vertex, equal in both where the position is the same one."""
    before, after = source.values("POSITION"), output.values("POSITION")
    if output.grid is None:
        keys = np.concatenate([exact_keys(before), exact_keys(after)])
    else:
        keys = np.concatenate([grid_keys(before, output.grid), grid_keys(after, output.grid)])
    _, names = np.unique(keys, return_inverse=True)
    return names[: len(before)], names[len(before) :]


def exact_keys(positions: Floats) -> Array:
    rows = np.ascontiguousarray(positions + 0)  # the sum makes a zero of minus zero
    whole_row = np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))
    return np.asarray(rows.view(whole_row).reshape(-1))


def grid_keys(positions: Floats, grid: Grid) -> Integers:
    points = np.rint((positions - grid.origin) / grid.step).astype(np.int64)
    inside = points & 0x1FFFFF
    return np.asarray(inside[:, 0] | inside[:, 1] << 21 | inside[:, 2] << 42, dtype=np.int64)


@dataclass(frozen=True)
class NamedTriangles:
    """`keys` are the corners' names, turned; in one order for both files."""

    keys: Integers
    corners: Integers


def visible_corners(source: Primitive) -> Integers:
    """In an output even a triangle that the grid made degenerate is one that was kept."""
    corners = source.corners()
    return corners[~is_degenerate(source.attributes["POSITION"], corners)]


def named_triangles(primitive: Primitive, names: Integers, corners: Integers) -> NamedTriangles:
    keys, turned = turn(names[corners], corners)
    order = np.lexsort([*appearance(primitive, turned), *keys.T[::-1]])
    return NamedTriangles(keys[order], turned[order])


def is_degenerate(positions: Array, corners: Integers) -> Array:
    """Two corners in exactly one place: nothing to see, and encoders drop it."""
    one, two, three = (positions[corners[:, which]] for which in range(3))
    equal = [(one == two), (two == three), (one == three)]
    return np.asarray(np.any([each.all(axis=1) for each in equal], axis=0))


def turn(names: Integers, corners: Integers) -> tuple[Integers, Integers]:
    best, kept = names, corners
    for shift in (1, 2):
        turned = np.roll(names, shift, axis=1)
        smaller = comes_first(turned, best)[:, None]
        best = np.where(smaller, turned, best)
        kept = np.where(smaller, np.roll(corners, shift, axis=1), kept)
    return best, kept


def comes_first(one: Integers, other: Integers) -> Array:
    differs = one != other
    column = np.argmax(differs, axis=1)
    rows = np.arange(len(one))
    return np.asarray(one[rows, column] < other[rows, column])


def appearance(primitive: Primitive, corners: Integers) -> list[Floats]:
    """Tells triangles in one place apart: by texture coordinates, then by normals."""
    known = [name for name in ("NORMAL", "TEXCOORD_0") if name in primitive.attributes]
    sums = [primitive.values(name)[corners].sum(axis=1) for name in known]
    return [np.round(each.sum(axis=1), 2) for each in sums]


def paired(ours: NamedTriangles, theirs: NamedTriangles) -> Integers:
    """Rows of both with one key; the second of equal keys goes with the second."""
    keys = np.concatenate([ours.keys, theirs.keys])
    _, groups = np.unique(keys, axis=0, return_inverse=True)
    groups = groups.reshape(-1)
    first, second = groups[: len(ours.keys)], groups[len(ours.keys) :]
    one, two = (group * len(keys) + rank_in_run(group) for group in (first, second))
    _, mine, other = np.intersect1d(one, two, assume_unique=True, return_indices=True)
    return np.stack([mine, other], axis=1)


def rank_in_run(groups: Integers) -> Integers:
    """0, 1, 2 … within each run of equal numbers."""
    rows = np.arange(len(groups))
    begins = np.concatenate([[True], groups[1:] != groups[:-1]])[: len(groups)]
    return np.asarray(rows - np.maximum.accumulate(np.where(begins, rows, 0)), dtype=np.int64)


def turn_collapsed(
    source: Primitive,
    output: Primitive,
    ours: NamedTriangles,
    theirs: NamedTriangles,
    pairs: Integers,
) -> None:
    """Where all three corners are one point of the grid, only their looks tell which is which."""
    for mine, other in pairs[np.ptp(ours.keys[pairs[:, 0]], axis=1) == 0]:
        corners = theirs.corners[other]
        theirs.corners[other] = turned_towards(
            looks(source, ours.corners[mine]), looks(output, corners), corners
        )


def looks(primitive: Primitive, corners: Integers) -> Floats:
    known = [name for name in ("NORMAL", "TEXCOORD_0") if name in primitive.attributes]
    return np.concatenate(
        [np.zeros((len(corners), 1)), *(primitive.values(name)[corners] for name in known)], axis=1
    )


def paired_by_distance(
    source: Primitive,
    output: Primitive,
    ours: NamedTriangles,
    theirs: NamedTriangles,
    pairs: Integers,
) -> Integers:
    mine = np.setdiff1d(np.arange(len(ours.corners)), pairs[:, 0])
    free = np.setdiff1d(np.arange(len(theirs.corners)), pairs[:, 1])
    found: list[tuple[int, int]] = []
    if output.grid is None or not len(free) or len(mine) > MOST_LEFT_OVERS:
        return np.empty((0, 2), np.int64)
    after = output.values("POSITION")[theirs.corners[free]]
    before = source.values("POSITION")[ours.corners[mine]]
    taken = np.zeros(len(free), bool)
    for row, triangle in zip(mine, before, strict=True):
        distance, nearest = nearest_triangle(triangle, after, taken)
        if distance <= output.grid.step * REACH_IN_STEPS:
            taken[nearest] = True
            theirs.corners[free[nearest]] = turned_towards(
                triangle, after[nearest], theirs.corners[free[nearest]]
            )
            found.append((row, free[nearest]))
    return np.array(found, np.int64).reshape(-1, 2)


def nearest_triangle(triangle: Floats, others: Floats, taken: Array) -> tuple[float, int]:
    turns = [np.abs(np.roll(others, -s, axis=1) - triangle).max(axis=(1, 2)) for s in range(3)]
    distances = np.where(taken, np.inf, np.min(turns, axis=0))
    nearest = int(np.argmin(distances))
    return float(distances[nearest]), nearest


def turned_towards(triangle: Floats, other: Floats, corners: Integers) -> Integers:
    errors = [np.abs(np.roll(other, -shift, axis=0) - triangle).max() for shift in range(3)]
    return np.roll(corners, -int(np.argmin(errors)))
