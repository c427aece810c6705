"""What a mesh is held to."""

import numpy as np

from worker.simulator.models.arrays import Floats, Indices, cross, dot
from worker.simulator.models.mesh import Mesh


def is_closed(faces: Indices) -> bool:
    """Every edge is used once in each direction: no holes, no fins, all the same way round."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = (edges @ np.array(order) for order in ((2**32, 1), (1, 2**32)))
    once = len(np.unique(there)) == len(there)
    return once and bool(np.array_equal(np.sort(there), np.sort(back)))


def areas(points: Floats, faces: Indices) -> Floats:
    """As a reader of 32-bit files sees them."""
    first, second, third = (points.astype(np.float32)[faces[:, corner]] for corner in range(3))
    upright = cross(second - first, third - first).astype(np.float64)
    made: Floats = np.sqrt(dot(upright, upright)) / 2
    return made


def volume(points: Floats, faces: Indices) -> float:
    """Positive where the triangles face outwards."""
    first, second, third = (points[faces[:, corner]] for corner in range(3))
    return float(dot(cross(first, second), third).sum() / 6)


def turned_over(mesh: Mesh) -> int:
    """Triangles that lie on the texture the other way round, as mirrored writing would."""
    first, second, third = (mesh.coordinates[mesh.triangles[:, corner]] for corner in range(3))
    right, down = second - first, third - first
    return int((right[:, 0] * down[:, 1] - right[:, 1] * down[:, 0] >= 0).sum())
