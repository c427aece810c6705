"""The arrays that all of this is made of, and how they are rounded."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Indices = NDArray[np.int64]

GRID = 2.0**16


def on_grid(values: Floats) -> Floats:
    """Off the last bits of sines and powers, which differ from one processor to the next.

    What follows is plain arithmetic and roots, which do not: so one seed makes one model.
    """
    return np.round(values * GRID) / GRID


def dot(one: Floats, other: Floats) -> Floats:
    """Written out: a matrix product leaves the order of its sums to the machine's library."""
    sums: Floats = one[..., 0] * other[..., 0]
    for axis in range(1, one.shape[-1]):
        sums = sums + one[..., axis] * other[..., axis]
    return sums


def cross(one: Floats, other: Floats) -> Floats:
    x, y, z = (one[..., axis] for axis in range(3))
    u, v, w = (other[..., axis] for axis in range(3))
    return np.stack([y * w - z * v, z * u - x * w, x * v - y * u], axis=-1)


def normalised(vectors: Floats) -> Floats:
    lengths = np.sqrt(dot(vectors, vectors))[..., None]
    return vectors / np.maximum(lengths, 1e-12)


def smooth_step(low: float | Floats, high: float | Floats, values: Floats) -> Floats:
    along: Floats = np.clip((values - low) / (high - low), 0.0, 1.0)
    return along * along * (3.0 - 2.0 * along)
