"""Triangles: a closed surface of points, and corners that say where a texture lies on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from worker.simulator.models.arrays import Floats, Indices, cross, normalised


@dataclass(frozen=True)
class Mesh:
    points: Floats
    """Every place once."""
    point: Indices
    """The point of each corner: along a seam of the texture, two corners share one."""
    coordinates: Floats
    """Where each corner lies on the texture, from its upper left corner, as glTF has it."""
    triangles: Indices
    """Three corners each, counter-clockwise seen from outside."""

    @cached_property
    def faces(self) -> Indices:
        """The triangles by points: a closed surface, each edge used once in each direction."""
        return self.point[self.triangles]

    @cached_property
    def normals(self) -> Floats:
        """One a point, the mean of its triangles' by their areas."""
        first, second, third = (self.points[self.faces[:, corner]] for corner in range(3))
        upright = cross(second - first, third - first)
        corners = self.faces.ravel()
        sums = [
            np.bincount(corners, np.repeat(upright[:, axis], 3), len(self.points))
            for axis in range(3)
        ]
        return normalised(np.stack(sums, axis=-1))


def joined(meshes: Sequence[Mesh]) -> Mesh:
    points = np.cumsum([0] + [len(mesh.points) for mesh in meshes])
    corners = np.cumsum([0] + [len(mesh.point) for mesh in meshes])
    return Mesh(
        np.concatenate([mesh.points for mesh in meshes]),
        np.concatenate([m.point + start for m, start in zip(meshes, points, strict=False)]),
        np.concatenate([mesh.coordinates for mesh in meshes]),
        np.concatenate([m.triangles + start for m, start in zip(meshes, corners, strict=False)]),
    )
