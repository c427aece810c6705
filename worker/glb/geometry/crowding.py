"""Triangles that meet in one place. Draco goes through all of them for each of them.

A hundred thousand around one edge, 2.4 MB of a file, took it 25 seconds, and native code can't be
interrupted.
"""

import numpy as np

from worker.glb.geometry.faces import Shape
from worker.glb.geometry.fingerprint import hashed_rows

MOST_PAIRS = 200_000_000  # a third of a second
MOST_PAIRS_A_TRIANGLE = 100  # six meet at a vertex: that makes 18
PAIRS_A_BYTE = 32  # gone through in the time that other work takes for a byte


def pairs(shape: Shape) -> int:
    """The squares of the triangles at each place, added up; none where they can't be too many.

    Places that differ may count as one, by chance: that doubles what a sound mesh has.
    """
    if 3 * len(shape.faces) ** 2 <= MOST_PAIRS:
        return 0
    bits = len(shape.positions).bit_length()
    places = (hashed_rows([shape.positions + 0]) >> np.uint64(64 - bits)).view(np.int64)
    crowds = np.bincount(places, weights=np.bincount(shape.faces.ravel()))
    return int(np.square(crowds).sum())  # BLAS would wake threads for it


def is_crowded(shape: Shape, pairs: int) -> bool:
    return pairs > MOST_PAIRS + MOST_PAIRS_A_TRIANGLE * len(shape.faces)
