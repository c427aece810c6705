"""What a seed looks like, before anybody asks for triangles."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from worker.simulator.models.arrays import Floats, dot, on_grid
from worker.simulator.models.noise import Noise
from worker.simulator.models.part import Part

SURVEYED_ALONG, SURVEYED_ROUND = 40, 17  # no ribs come by seventeens, so they can't hide
HALF_HEIGHT = 0.95  # a model's largest extent is 1.9, as the providers have it


@dataclass(frozen=True)
class Warp:
    """Bends all of space a little, so that nothing is quite straight, round or symmetric."""

    noise: Noise
    depth: float
    frequency: float

    def __call__(self, points: Floats) -> Floats:
        moved: Floats = points + self.noise(points, self.frequency) * self.depth
        return moved


def warp(seed: int, depth: float = 0.12, frequency: float = 0.9) -> Warp:
    return Warp(Noise(seed, 3), depth, frequency)


@dataclass(frozen=True)
class Survey:
    """A part measured on a coarse grid, from its first ring to its last."""

    along: Floats
    points: Floats

    @cached_property
    def walked(self) -> Floats:
        """How far it is from the beginning to each ring."""
        steps = np.diff(self.points, axis=0)
        return np.concatenate([[0.0], np.cumsum(np.sqrt(dot(steps, steps)).mean(axis=1))])

    @cached_property
    def around(self) -> Floats:
        """How long the way round is on each ring."""
        steps = np.roll(self.points, -1, axis=1) - self.points
        made: Floats = np.sqrt(dot(steps, steps)).sum(axis=1)
        return made

    @cached_property
    def area(self) -> float:
        around = self.around
        return float(((around[1:] + around[:-1]) / 2 * np.diff(self.walked)).sum())


@dataclass(frozen=True)
class Shape:
    parts: Sequence[Part]
    warp: Warp
    scale: float = 1.0
    middle: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def surface(self, part: Part, along: Floats, turn: Floats) -> Floats:
        points = self.warp(part.surface(along, turn))
        return on_grid((points - np.array(self.middle)) * self.scale)

    def survey(self, part: Part) -> Survey:
        along = np.linspace(0.0, 1.0, SURVEYED_ALONG)
        turn = np.arange(SURVEYED_ROUND) / SURVEYED_ROUND
        grid = np.meshgrid(along, turn, indexing="ij")
        return Survey(along, self.surface(part, *grid))


def centred(parts: Sequence[Part], bend: Warp) -> tuple[Shape, list[Survey]]:
    """In the middle of space and of the usual size, whatever it was drawn in; and its measures."""
    loose = Shape(parts, bend)
    surveys = [loose.survey(part) for part in parts]
    low = np.min([survey.points.min(axis=(0, 1)) for survey in surveys], axis=0)
    high = np.max([survey.points.max(axis=(0, 1)) for survey in surveys], axis=0)
    x, y, z = ((low + high) / 2).tolist()
    scale = 2 * HALF_HEIGHT / float((high - low).max())
    scaled = [Survey(survey.along, survey.points * scale) for survey in surveys]
    return Shape(parts, bend, scale, (x, y, z)), scaled
