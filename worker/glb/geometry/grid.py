"""The grid that positions are rounded to: one for the whole mesh, or its seams would crack."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from worker.glb.geometry.faces import Shape, median_edge
from worker.glb.geometry.stretch import Scale
from worker.glb.options import Options, Preset

Floats = npt.NDArray[np.float32]
CORNER = math.sqrt(3) / 2  # the farthest that rounding moves a point, in steps of the grid
COARSEST, FINEST = 11, 20  # beyond 20 Draco's memory grows with the grid
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


def grid_over(
    shapes: Sequence[Shape], options: Options, stretches: Iterable[Scale] = ()
) -> Grid | str:
    """Or why there is none. What lies in whole numbers is not moved, and needs no room in it."""
    shapes = [shape for shape in shapes if not shape.whole] or shapes
    low = np.min([shape.positions.min(axis=0) for shape in shapes], axis=0)
    high = np.max([shape.positions.max(axis=0) for shape in shapes], axis=0)
    span = (high - low).max()
    if not np.isfinite(span):
        return "the mesh is too large for a grid"
    if len(shapes) > 1 and span < SMALLEST_COMMON_SPAN:
        return "the mesh is too small for a grid that its primitives share"
    shown = details(shapes, high - low, stretches)
    bits = options.position_bits or position_bits(shown, options.preset)
    if bits is None:
        return f"its detail is too fine for a grid of {FINEST} bits over the whole mesh"
    if len(shapes) == 1:
        return Grid(low, np.float32(span), bits, float(span), common=False)
    origin = np.array([as_draco_keeps_it(value) for value in low], np.float32)
    return Grid(origin, as_draco_keeps_it(span), bits, float(span), common=True)


def as_draco_keeps_it(value: np.float32) -> np.float32:
    """An option of Draco's is a text with six decimals. A box that it takes itself is exact."""
    return np.float32(f"{value:f}")


# How far a vertex may move, as a share of the whole mesh (14, 12 and 11 bits) and of an edge. A bit
# less is 5 % of the geometry; normals are rounded by themselves, so shading doesn't show it. Where
# there are none, viewers shade facets, and one in a hundred of these turns by 3 to 4 degrees in
# `web`: another bit would halve that, for 15 % of a generated model.
SHARE_OF_SPAN = {Preset.BALANCED: 1e-4, Preset.WEB: 2.2e-4, Preset.SMALL: 4.3e-4}
SHARE_OF_EDGE = {Preset.BALANCED: 0.02, Preset.WEB: 0.04, Preset.SMALL: 0.04}


class Detail(NamedTuple):
    """The mesh as it is shown somewhere: stretched, or as it is."""

    corner: float  # the farthest that rounding moves a point, for a grid of one step
    span: float
    edge: float

    def allowed(self, preset: Preset) -> float:
        return min(SHARE_OF_SPAN[preset] * self.span, SHARE_OF_EDGE[preset] * self.edge)

    def bits(self, preset: Preset) -> float:
        allowed = self.allowed(preset)
        return math.log2(self.corner / allowed + 1) if allowed > 0 else math.inf


def details(shapes: Sequence[Shape], sides: Floats, stretches: Iterable[Scale]) -> list[Detail]:
    """None of what lies in whole numbers, and so on a grid already."""
    shapes = [shape for shape in shapes if not shape.whole]
    if not shapes:
        return []
    span = float(sides.max())
    return [
        Detail(CORNER * span, span, finest_edge(shapes, span, np.ones(3))),
        *(stretched(shapes, sides, np.array(scale) / max(scale)) for scale in stretches),
    ]


def stretched(shapes: Sequence[Shape], sides: Floats, scale: npt.NDArray[np.float64]) -> Detail:
    """An axis along which there is next to nothing is not felt, however far it is stretched."""
    span = float((sides * scale).max())
    world = Detail(0.0, span, finest_edge(shapes, span, scale))
    felt = scale[sides * scale > world.allowed(Preset.BALANCED)]
    return world._replace(corner=float(np.linalg.norm(felt)) / 2 * float(sides.max()))


# What a primitive of a few slivers beside a large one may ask of the grid: 16 or 17 bits.
FEW, SHARE_OF_FEW, EDGE_OF_FEW = 32, 1e-3, 1 / 3000


def finest_edge(shapes: Sequence[Shape], span: float, scale: npt.NDArray[np.float64]) -> float:
    triangles = sum(len(shape.faces) for shape in shapes)
    few = min(FEW, SHARE_OF_FEW * triangles)
    return min(
        max(median_edge(shape, scale), EDGE_OF_FEW * span if len(shape.faces) < few else 0)
        for shape in shapes
    )


def position_bits(shown: Sequence[Detail], preset: Preset) -> int | None:
    """Fine enough for the whole and for its smallest features. None where too much would be lost.

    Where the finest grid is too coarse for a preset, it may do what it does to the smallest.
    """
    if any(detail.bits(Preset.SMALL) > FINEST for detail in shown):
        return None
    bits = max((detail.bits(preset) for detail in shown), default=COARSEST)
    return math.ceil(max(COARSEST, min(FINEST, bits)))
