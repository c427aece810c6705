"""How a part's vertices are shared out over rings round it.

Between two neighbouring rings of n and m vertices lie n + m triangles, at a pole n: so a part
has exactly twice as many triangles as vertices on rings, and any number can be met.
"""

from dataclasses import dataclass

import numpy as np

from worker.simulator.models.arrays import Floats, Indices
from worker.simulator.models.dice import scattered
from worker.simulator.models.shape import Survey

FEWEST_ROUND = 3
EQUILATERAL = 0.866  # the height of a triangle whose sides are 1
UNEVEN = 0.45  # how much denser or sparser than its neighbourhood a stretch may be


@dataclass(frozen=True)
class Rings:
    along: Floats
    counts: Indices


def rings(survey: Survey, vertices: int, seed: int, *, is_ring: bool) -> Rings:
    density = _density(survey.along, seed)
    walked = _walked_densely(survey.walked, density)
    around = survey.around * density
    number = _number(walked[-1], around.mean(), vertices, FEWEST_ROUND if is_ring else 1)
    steps = np.arange(number) / number if is_ring else np.arange(1, number + 1) / (number + 1)
    along = np.interp(steps * walked[-1], walked, survey.along)
    return Rings(along, shared_out(vertices, np.interp(along, survey.along, around), FEWEST_ROUND))


def _density(along: Floats, seed: int) -> Floats:
    knots = scattered(8, seed)
    knots[-1] = knots[0]
    return 1.0 + UNEVEN * np.interp(along, np.linspace(0, 1, len(knots)), knots)


def _walked_densely(walked: Floats, density: Floats) -> Floats:
    steps = np.diff(walked) * (density[1:] + density[:-1]) / 2
    return np.concatenate([[0.0], np.cumsum(steps)])


def _number(length: float, around: float, vertices: int, fewest: int) -> int:
    """As many rings as make the triangles roughly equilateral."""
    side = np.sqrt(length * around / (EQUILATERAL * vertices))
    wished = round(float(length / (side * EQUILATERAL)) - 0.5)
    return max(fewest, min(wished, vertices // (FEWEST_ROUND + 1)))


def shared_out(total: int, weights: Floats, fewest: int) -> Indices:
    """Whole numbers in proportion, that add up: the largest remainders are rounded up."""
    spare = total - fewest * len(weights)
    exact = np.round(spare * weights / weights.sum(), 6)
    counts: Indices = np.floor(exact).astype(np.int64)
    missing = spare - int(counts.sum())
    counts[np.argsort(counts - exact, kind="stable")[:missing]] += 1
    return counts + fewest
