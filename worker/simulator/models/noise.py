"""Smooth noise in space, between -1 and 1."""

import numpy as np
from numpy.typing import NDArray

from worker.simulator.models.arrays import Floats
from worker.simulator.models.dice import scattered

SIZE = 2**13
PRIMES = (73_856_093, 19_349_663, 83_492_791)
PIECE = 2**15  # points at a time: so the intermediate arrays stay in the processor's cache

Corners = tuple[NDArray[np.int32], NDArray[np.int32]]


class Noise:
    """One number for each point, or as many as asked."""

    def __init__(self, seed: int, width: int = 1) -> None:
        self._width = width
        self._values = scattered(SIZE * width, seed).astype(np.float32).reshape(SIZE, width)

    def __call__(self, points: Floats, frequency: float, octaves: int = 1) -> Floats:
        made = self.vectors(points, frequency, octaves)
        return made.reshape(points.shape[:-1])

    def vectors(self, points: Floats, frequency: float, octaves: int = 1) -> Floats:
        flat = points.reshape(-1, 3)
        made = np.empty((len(flat), self._width), flat.dtype)
        for start in range(0, len(flat), PIECE):
            piece = flat[start : start + PIECE]
            made[start : start + PIECE] = self._layered(piece, frequency, octaves)
        return made.reshape(*points.shape[:-1], self._width)

    def _layered(self, points: Floats, frequency: float, octaves: int) -> Floats:
        total = np.zeros((len(points), self._width), points.dtype)
        for octave in range(octaves):
            finer = points * points.dtype.type(frequency * 2.07**octave) + 17.3 * octave
            total += self._single(finer.astype(points.dtype, copy=False)) / 2**octave
        return total / (2.0 - 0.5 ** (octaves - 1))

    def _single(self, points: Floats) -> Floats:
        x, y, z = (_corners(points[:, axis], prime) for axis, prime in enumerate(PRIMES))
        fx, fy, fz = (_eased(points[:, axis, None]) for axis in range(3))
        edges = [[[self._values[(a ^ b ^ c) & (SIZE - 1)] for a in x] for b in y] for c in z]
        sides = [[_blend(low, high, fx) for low, high in side] for side in edges]
        low, high = (_blend(low, high, fy) for low, high in sides)
        return _blend(low, high, fz)


def _corners(along: Floats, prime: int) -> Corners:
    below = np.floor(along).astype(np.int32) * np.int32(prime)  # overflows, as a hash may
    return below, below + np.int32(prime)


def _eased(along: Floats) -> Floats:
    part = along - np.floor(along)
    return part * part * part * (part * (part * 6 - 15) + 10)


def _blend(low: Floats, high: Floats, part: Floats) -> Floats:
    return low + (high - low) * part
