"""Triangles as a list, whatever the mode, without those that have no area by construction."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import Array, read_accessor
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.geometry.groups import Group

Faces = npt.NDArray[np.uint32]
STRIP, FAN = 5, 6
MOVERS = ("JOINTS_", "WEIGHTS_", "_")


class Shape(NamedTuple):
    """`vertices` are the numbers of those in use, or None where all are.

    Positions are floats here, also where they are `whole` numbers in the file. A mesh `opens` that
    has triangles without area whose corners may be moved apart: by bones, or by its own shader.
    """

    faces: Faces
    vertices: npt.NDArray[np.int64] | None
    positions: npt.NDArray[np.float32]
    triangles_before: int
    whole: bool
    opens: bool

    def take(self, values: Array) -> Array:
        return values if self.vertices is None else values[self.vertices]


def read_shape(document: Document, group: Group) -> Shape:
    positions = read_accessor(document, group.attributes["POSITION"])
    faces = read_faces(document, group, len(positions))
    kept = without_degenerate(faces, positions)
    vertices, compact = compacted(kept, len(positions))
    used = positions if vertices is None else positions[vertices]
    return Shape(
        faces=compact,
        vertices=vertices,
        positions=np.ascontiguousarray(used, np.float32),
        triangles_before=len(faces),
        whole=positions.dtype.kind != "f",
        opens=len(kept) < len(faces) and opens(document, group, faces, kept),
    )


def opens(document: Document, group: Group, faces: Faces, kept: Faces) -> bool:
    """True where fewer are without area for good: all that moves their corners is the same too."""
    movers = sorted(name for name in group.attributes if name.startswith(MOVERS))
    names = ("POSITION", *movers)
    values = [read_accessor(document, group.attributes[name]) for name in names]
    return bool(movers) and len(kept) < len(without_degenerate(faces, *values))


def read_faces(document: Document, group: Group, vertices: int) -> Faces:
    if group.indices is None:
        order = np.arange(vertices, dtype=np.uint32)
    else:
        order = read_accessor(document, group.indices)[:, 0].astype(np.uint32, copy=False)
    if len(order) and order.max() >= vertices:
        raise GlbError(f"accessor {group.indices}", f"names vertex {order.max()} of {vertices}")
    return as_triangles(order, group.mode)


def as_triangles(order: npt.NDArray[np.uint32], mode: int) -> Faces:
    if len(order) < 3:  # noqa: PLR2004 - the corners of a triangle
        return order[:0].reshape(-1, 3)
    if mode == STRIP:
        faces = np.stack([order[:-2], order[1:-1], order[2:]], axis=1)
        faces[1::2, :2] = faces[1::2, 1::-1]  # every second triangle of a strip runs the other way
        return faces
    if mode == FAN:
        return np.stack(
            [order[1:-1], order[2:], np.broadcast_to(order[:1], len(order) - 2)], axis=1
        )
    return order[: len(order) // 3 * 3].reshape(-1, 3)


def without_degenerate(faces: Faces, positions: Array, *movers: Array) -> Faces:
    """Draco drops triangles with two corners in one place; so do we, before the box is taken."""
    collapsed = np.zeros(len(faces), bool)
    x = np.ascontiguousarray(positions[:, 0])[faces]
    for first, second in ((0, 1), (1, 2), (2, 0)):
        suspects = np.flatnonzero(x[:, first] == x[:, second])
        one, other = faces[suspects, first], faces[suspects, second]
        same = np.ones(len(suspects), bool)
        for values in (positions, *movers):
            same &= (values[one] == values[other]).all(axis=1)
        collapsed[suspects[same | (one == other)]] = True
    return faces[~collapsed] if collapsed.any() else faces


def compacted(faces: Faces, count: int) -> tuple[npt.NDArray[np.int64] | None, Faces]:
    """Draco takes its box over all vertices it is given, so unused ones would coarsen the grid."""
    used = np.zeros(count, bool)
    used[faces] = True
    if used.all():
        return None, faces
    numbers = (np.cumsum(used) - 1).astype(np.uint32)
    return np.flatnonzero(used), numbers[faces]


def median_edge(shape: Shape, scale: Array, sample: int = 4096) -> float:
    step = max(1, len(shape.faces) // sample)
    corners = shape.positions[shape.faces[::step]] * scale
    lengths = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).ravel()
    middle = len(lengths) // 2  # numpy's own median imports masked arrays: 11 ms
    return float(np.partition(lengths, middle)[middle])
