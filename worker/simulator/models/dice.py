"""Draws that are the same for the same seed, on every machine."""

from collections.abc import Sequence
from hashlib import sha256
from random import Random
from typing import TypeVar

import numpy as np

from worker.simulator.models.arrays import Floats

Choice = TypeVar("Choice")


class Dice:
    def __init__(self, seed: str) -> None:
        # Only random() is promised to stay the same over Python's versions, so all draws use it.
        self._random = Random(sha256(seed.encode()).digest()).random  # noqa: S311 - no secret

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._random()

    def whole(self, low: int, high: int) -> int:
        """Both ends included."""
        return low + int(self._random() * (high - low + 1))

    def one_of(self, choices: Sequence[Choice]) -> Choice:
        return choices[self.whole(0, len(choices) - 1)]

    def chance(self, likelihood: float) -> bool:
        return self._random() < likelihood

    def seed(self) -> int:
        return self.whole(0, 2**48)


def scattered(count: int, seed: int) -> Floats:
    """So many numbers in [-1, 1): splitmix64, whose arithmetic is exact everywhere."""
    mixed = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed += np.uint64(seed)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**52 - 1.0
