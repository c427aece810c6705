"""Which triangle is seen at which pixel."""

from dataclasses import dataclass

import numpy as np

from worker.simulator.models.arrays import Floats, Indices

LARGEST = 2**11


@dataclass(frozen=True)
class Covered:
    """The pixels on which something is seen, each with its nearest triangle."""

    row: Indices
    column: Indices
    triangle: Indices
    weights: Floats
    """How near each of the triangle's corners is."""
    depth: Floats

    def blended(self, corners: Floats) -> Floats:
        """Values of the triangles' corners, as (triangle, corner, value), for each pixel."""
        made: Floats = (corners[self.triangle] * self.weights[..., None]).sum(axis=1)
        return made


def rasterised(points: Floats, faces: Indices, size: int) -> Covered:
    """The points in pixels: to the right, down, and towards the eye."""
    corners = points[faces]
    seen = np.flatnonzero(_doubled_area(corners) < 0)  # downwards turns the order round
    tested = [_tested(corners, group, reach) for group, reach in _by_reach(corners, seen)]
    found = [np.concatenate(column) for column in zip(*tested, strict=True)]
    row, column, triangle, weights = found
    inside = (row >= 0) & (row < size) & (column >= 0) & (column < size)
    row, column, triangle, weights = (values[inside] for values in found)
    depth = (corners[triangle][..., 2] * weights).sum(axis=1)
    return _nearest(Covered(row, column, triangle, weights, depth), size)


def _doubled_area(corners: Floats) -> Floats:
    a, b, c = (corners[:, corner, :2] for corner in range(3))
    made: Floats = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (
        c[:, 0] - a[:, 0]
    )
    return made


def _by_reach(corners: Floats, seen: Indices) -> list[tuple[Indices, int]]:
    """Grouped by the square of pixels that they can touch: each group is tested at once."""
    flat = corners[seen][..., :2]
    widest = (np.ceil(flat.max(axis=1)) - np.floor(flat.min(axis=1))).max(axis=1)
    groups, low, reach = [], 0, 4
    while low < LARGEST:
        groups.append((seen[(widest > low) & (widest <= reach)], reach))
        low, reach = reach, reach * 3 // 2
    return groups


def _tested(
    corners: Floats, group: Indices, reach: int
) -> tuple[Indices, Indices, Indices, Floats]:
    """Each pixel of each triangle's square, if its middle lies in the triangle."""
    three = corners[group][..., :2]
    start = np.floor(three.min(axis=1)).astype(np.int64)
    step = np.arange(reach)
    column = start[:, 0, None, None] + step[None, None, :]
    row = start[:, 1, None, None] + step[None, :, None]
    weights = _weights(three, column + 0.5, row + 0.5)
    hit = (weights >= 0).all(axis=-1)
    triangle = np.broadcast_to(group[:, None, None], hit.shape)
    row, column = np.broadcast_to(row, hit.shape), np.broadcast_to(column, hit.shape)
    return row[hit], column[hit], triangle[hit], weights[hit]


def _weights(three: Floats, x: Floats, y: Floats) -> Floats:
    a, b, c = (three[:, corner, :, None, None] for corner in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    second = ((x - a[:, 0]) * (c[:, 1] - a[:, 1]) - (y - a[:, 1]) * (c[:, 0] - a[:, 0])) / area
    third = ((y - a[:, 1]) * (b[:, 0] - a[:, 0]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])) / area
    return np.stack([1 - second - third, second, third], axis=-1)


def _nearest(found: Covered, size: int) -> Covered:
    """Far ones first: of several writes to one pixel, the last one stays."""
    order = np.argsort(found.depth, kind="stable")
    winner = np.full(size * size, -1)
    winner[(found.row * size + found.column)[order]] = order
    kept = winner[winner >= 0]
    return Covered(
        found.row[kept],
        found.column[kept],
        found.triangle[kept],
        found.weights[kept],
        found.depth[kept],
    )
