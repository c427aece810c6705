"""Triangles that are neighbours in space, one after the other.

Draco walks from triangle to triangle, and waits for memory where they lie apart. So ordered, large
models take 5 to 20 % less time to encode, for ± 0.1 % of bytes; finer cells gained no more.
"""

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import Array
from worker.glb.geometry.encode import Work

BITS = 5
SIDE = 1 << BITS
JUST_BELOW_SIDE = SIDE - 0.01
# The bits of each number, two places free after each: for the other two axes.
SPREAD = np.array([int(f"{number:b}", 8) for number in range(SIDE)], np.uint16)


def gathered(work: Work) -> Work:
    """Sorting numbers of 16 bits takes a hundredth of what it saves."""
    first_corners = work.faces[:, 0]
    order = np.argsort(cells(work.positions.values)[first_corners], kind="stable")
    return work._replace(faces=work.faces[order])


def cells(positions: Array) -> npt.NDArray[np.uint16]:
    """Each point's cell of 32 to a side, counted along a curve that keeps neighbours together."""
    shifted = positions.astype(np.float32)
    shifted -= np.min(shifted, axis=0)
    shifted *= np.float32(JUST_BELOW_SIDE) / (np.max(shifted) or np.float32(1))
    x, y, z = SPREAD[shifted.astype(np.uint8)].T
    numbers: npt.NDArray[np.uint16] = x | y << 1 | z << 2
    return numbers
