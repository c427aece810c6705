"""One closed piece of a model: an outline swept round a spine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from worker.simulator.models.arrays import Floats, cross, dot, normalised
from worker.simulator.models.curve import Curve
from worker.simulator.models.noise import Noise
from worker.simulator.models.paint import Paint

Along = Callable[[Floats], Floats]
Section = Callable[[Floats, Floats], Floats]
"""How far the surface lies from the spine, as a factor: of the way along, and of the turn."""

STEP = 1e-4
TURN = 2 * np.pi


@dataclass(frozen=True)
class Spine:
    """A line in space, by the way along it, and what "sideways" means there."""

    centre: Along
    sideways: Along

    def frame(self, along: Floats) -> tuple[Floats, Floats]:
        ahead = normalised(self.centre(along + STEP) - self.centre(along))
        wish = self.sideways(along)
        side = normalised(wish - ahead * dot(wish, ahead)[..., None])
        return side, cross(ahead, side)


def round_section(along: Floats, turn: Floats) -> Floats:
    return np.ones(np.broadcast(along, turn).shape)


@dataclass(frozen=True)
class Roughness:
    """How far noise pushes the surface in and out, as a part of the distance to the spine."""

    depth: float
    frequency: float
    seed: int
    octaves: int = 3

    @cached_property
    def noise(self) -> Noise:
        return Noise(self.seed)

    def __call__(self, points: Floats) -> Floats:
        return 1.0 + self.depth * self.noise(points, self.frequency, self.octaves)


@dataclass(frozen=True)
class Part:
    spine: Spine
    outline: Curve
    """How far along the spine, and how far from it. A closed part's goes round."""
    paint: Paint
    section: Section = round_section
    width: float = 1.0
    depth: float = 1.0
    roughness: Roughness | None = None
    is_ring: bool = field(default=False)
    """A ring has a hole and no poles: its spine's end is its beginning."""

    def surface(self, along: Floats, turn: Floats) -> Floats:
        """Points in space; `along` and `turn` are from 0 to 1 and of one shape."""
        outline = self.outline(along)
        reach = np.maximum(outline[..., 1], 0.0) * self.section(along, turn)
        centre = self.spine.centre(outline[..., 0])
        side, other = self.spine.frame(outline[..., 0])
        arm = side * (np.cos(TURN * turn) * self.width)[..., None]
        arm = arm + other * (np.sin(TURN * turn) * self.depth)[..., None]
        if self.roughness is not None:
            reach = reach * self.roughness(centre + arm * reach[..., None])
        made: Floats = centre + arm * reach[..., None]
        return made
