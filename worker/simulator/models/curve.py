"""A smooth curve through points."""

from collections.abc import Sequence

import numpy as np

from worker.simulator.models.arrays import Floats, dot


class Curve:
    """From its first point (at 0) to its last (at 1), at an even pace."""

    def __init__(self, points: Sequence[Sequence[float]]) -> None:
        places = np.array(points, np.float64)
        steps = np.diff(places, axis=0)
        chords = np.sqrt(dot(steps, steps))
        self.length = float(chords.sum())
        self._knots = np.concatenate([[0.0], np.cumsum(chords) / self.length])
        slopes = np.gradient(places, self._knots, axis=0)
        self._cubics = _cubics(places, slopes, np.diff(self._knots)[:, None])

    def __call__(self, at: Floats) -> Floats:
        found = np.searchsorted(self._knots, at, "right") - 1
        index = np.clip(found, 0, len(self._knots) - 2)
        start = self._knots[index]
        part = ((at - start) / (self._knots[index + 1] - start))[..., None]
        level, first, second, third = (coefficient[index] for coefficient in self._cubics)
        made: Floats = level + part * (first + part * (second + part * third))
        return made


def _cubics(points: Floats, slopes: Floats, widths: Floats) -> tuple[Floats, ...]:
    """One polynomial a stretch, that meets its neighbours' points and slopes."""
    rise = points[1:] - points[:-1]
    leave, arrive = slopes[:-1] * widths, slopes[1:] * widths
    return points[:-1], leave, 3 * rise - 2 * leave - arrive, leave + arrive - 2 * rise
