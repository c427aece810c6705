"""Directions that are none (zero, or not a number) are taken from the faces around them."""

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import Array
from worker.glb.geometry.faces import Shape

Floats = npt.NDArray[np.float32]
SHORTEST = 1e-6  # Draco takes anything shorter for (1, 0, 0), and says nothing


def mended_normals(values: Array, shape: Shape) -> tuple[Floats, int]:
    """The normals and how many of them were replaced."""
    with np.errstate(invalid="ignore"):
        sound = np.abs(values).sum(axis=1) > SHORTEST
        sound &= np.isfinite(values).all(axis=1)
    broken = np.flatnonzero(~sound)
    if not len(broken):
        return values, 0
    mended = values.astype(np.float32)
    mended[broken] = from_faces(shape)[broken]
    return mended, len(broken)


def from_faces(shape: Shape) -> Floats:
    """The sum of the faces' normals at each vertex, weighted by area; up where they cancel out."""
    corners = shape.positions[shape.faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= max(float(np.abs(normals).max()), np.finfo("f8").tiny)
    sums = np.zeros(shape.positions.shape)
    for corner in range(3):
        np.add.at(sums, shape.faces[:, corner], normals)
    lengths = np.linalg.norm(sums, axis=1, keepdims=True)
    up = np.array([0.0, 0.0, 1.0])
    return np.where(lengths > SHORTEST, sums / np.maximum(lengths, SHORTEST), up).astype(np.float32)
