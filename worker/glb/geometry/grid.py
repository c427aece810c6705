"""The grid that positions are rounded to: one for the whole mesh, or its seams would crack."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from worker.glb.geometry.faces import Shape, median_edge
from worker.glb.options import Options, Preset

Floats = npt.NDArray[np.float32]
CORNER = math.sqrt(3) / 2  # the farthest that rounding moves a point, in steps of the grid
COARSEST, FINEST = 11, 16
SMALLEST_COMMON_SPAN = 1e-3


class Grid(NamedTuple):
    origin: Floats
    span: np.float32
    bits: int
    side: float  # the largest of the box in use; a common grid may differ from it by a rounding
    common: bool

    @property
    def bound(self) -> float:
        """No vertex may be farther from its place than this, up to the precision of floats."""
        magnitude = float(np.abs(self.origin).max()) + self.side
        steps = (1 << self.bits) - 1
        return 0.87 * self.side / steps + 2 * magnitude * float(np.finfo("f4").eps)


def grid_over(shapes: Sequence[Shape], options: Options) -> Grid | None:
    """None where the mesh is too large for a float, or too small for a grid to be shared."""
    low = np.min([shape.positions.min(axis=0) for shape in shapes], axis=0)
    high = np.max([shape.positions.max(axis=0) for shape in shapes], axis=0)
    span = (high - low).max()
    if not np.isfinite(span):
        return None
    edge = min(median_edge(shape) for shape in shapes)
    bits = options.position_bits or position_bits(float(span), edge, options.preset)
    if len(shapes) == 1:
        return Grid(low, np.float32(span), bits, float(span), common=False)
    if span < SMALLEST_COMMON_SPAN:
        return None
    origin = np.array([as_draco_keeps_it(value) for value in low], np.float32)
    return Grid(origin, as_draco_keeps_it(span), bits, float(span), common=True)


def as_draco_keeps_it(value: np.float32) -> np.float32:
    """An option of Draco's is a text with six decimals. A box that it takes itself is exact."""
    return np.float32(f"{value:f}")


# How far a vertex may move, as a share of the whole mesh (14, 12 and 11 bits) and of an edge. A bit
# less is 5 % of the geometry; normals are rounded by themselves, so shading doesn't show it.
SHARE_OF_SPAN = {Preset.BALANCED: 1e-4, Preset.WEB: 2.2e-4, Preset.SMALL: 4.3e-4}
SHARE_OF_EDGE = {Preset.BALANCED: 0.02, Preset.WEB: 0.04, Preset.SMALL: 0.04}


def position_bits(span: float, edge: float, preset: Preset) -> int:
    """Fine enough for the whole and for its smallest features, within reason."""
    allowed = min(SHARE_OF_SPAN[preset] * span, SHARE_OF_EDGE[preset] * edge)
    if not allowed > 0 or not math.isfinite(allowed):
        return FINEST
    return max(COARSEST, min(FINEST, math.ceil(math.log2(CORNER * span / allowed + 1))))
