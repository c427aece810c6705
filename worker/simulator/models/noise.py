"""Smooth noise in space, between -1 and 1."""

from math import prod

import numpy as np
from numpy.typing import NDArray

from worker.simulator.models.arrays import Floats
from worker.simulator.models.dice import scattered

SIZE = 2**13
PRIMES = (73_856_093, 19_349_663, 83_492_791)
PIECE = 2**15  # points at a time: so the intermediate arrays stay in the processor's cache

Corners = tuple[NDArray[np.int32], NDArray[np.int32]]


class Noise:
    """A number for each point, or an array of numbers of the shape that is asked."""

    def __init__(self, seed: int, *shape: int) -> None:
        values = scattered(SIZE * prod(shape), seed).astype(np.float32)
        self._shape = shape
        self._values = values.reshape(SIZE, *shape)

    def __call__(self, points: Floats, frequency: float, octaves: int = 1) -> Floats:
        flat = points.reshape(-1, 3)
        made = np.empty((len(flat), *self._shape), flat.dtype)
        for start in range(0, len(flat), PIECE):
            axes = np.ascontiguousarray(flat[start : start + PIECE].T)
            made[start : start + PIECE] = self._layered(axes, frequency, octaves)
        return made.reshape(*points.shape[:-1], *self._shape)

    def _layered(self, axes: Floats, frequency: float, octaves: int) -> Floats:
        total = np.zeros((axes.shape[1], *self._shape), axes.dtype)
        for octave in range(octaves):
            scale, offset = (np.array(n, axes.dtype) for n in (frequency * 2.07**octave, 17.3))
            total += self._single(axes * scale + offset * octave) / 2**octave
        return total / (2.0 - 0.5 ** (octaves - 1))

    def _single(self, axes: Floats) -> Floats:
        x, y, z = (_corners(axis, prime) for axis, prime in zip(axes, PRIMES, strict=True))
        fx, fy, fz = (_eased(axis).reshape(-1, *(1 for _ in self._shape)) for axis in axes)
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
