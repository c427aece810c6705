"""Where the second colour of a part lies."""

import numpy as np

from worker.simulator.models.arrays import Floats, smooth_step
from worker.simulator.models.paint import Pattern, Place

SQUASHED = np.array((1.0, 0.15, 1.0), np.float32)


def plain(place: Place) -> Floats:
    """The second colour only wanders through the first."""
    return smooth_step(-0.2, 0.9, place.noise(place.points, 1.7, 2)) * 0.6


def patches(frequency: float, covered: float = 0.5) -> Pattern:
    def pattern(place: Place) -> Floats:
        edge = 0.6 * (1 - 2 * covered)
        return smooth_step(edge - 0.06, edge + 0.06, place.noise(place.points, frequency, 3))

    return pattern


def marble(frequency: float) -> Pattern:
    """Veins where bent sheets cut the surface."""

    def pattern(place: Place) -> Floats:
        bend = place.noise(place.points, frequency, 4) * 5.0
        sheet = place.points[..., 0] * 2 + place.points[..., 1] * 3 + bend
        return smooth_step(0.82, 1.0, _wave(sheet)) * 0.9

    return pattern


def spots(around: int, along: int, size: float = 0.33) -> Pattern:
    """Round spots in staggered rows, each a little off its place."""

    def pattern(place: Place) -> Floats:
        row = np.floor(place.along * along)
        right = place.turn * around + 0.5 * (row % 2)
        shake = np.stack([np.floor(right) % around, row, row * 0], axis=-1).astype(np.float32)
        off_x = place.noise(shake + np.float32(0.37), 1.3) * 0.4
        off_y = place.noise(shake + np.float32(9.71), 1.3) * 0.3
        x = right - np.floor(right) - 0.5 - off_x
        y = place.along * along - row - 0.5 - off_y
        return 1 - smooth_step(size * 0.8, size, np.sqrt(x * x + y * y))

    return pattern


def stripes(count: int, twist: float = 0.0, share: float = 0.5, wobble: float = 0.12) -> Pattern:
    """Round the part: from pole to pole, or in a screw."""

    def pattern(place: Place) -> Floats:
        bend = place.noise(place.points, 2.5, 2) * wobble
        at = (place.turn + place.along * twist) * count + bend
        edge = 1 - share
        return smooth_step(edge - 0.08, edge + 0.08, _wave(at))

    return pattern


def bands(count: float, share: float = 0.5, wobble: float = 0.1) -> Pattern:
    """Along the part, as on a potter's wheel."""

    def pattern(place: Place) -> Floats:
        bend = place.noise(place.points, 2.0, 2) * wobble
        edge = 1 - share
        return smooth_step(edge - 0.05, edge + 0.05, _wave(place.along * count + bend))

    return pattern


def drips(level: float, length: float) -> Pattern:
    """Glaze that ran down to here, further in some places."""

    def pattern(place: Place) -> Floats:
        run = place.noise(place.points * SQUASHED, 4.0, 2)
        edge = level - length * np.maximum(run, 0) + 0.03 * run
        return smooth_step(edge - 0.008, edge + 0.008, place.along)

    return pattern


def between(low: float, high: float, ragged: float = 0.02) -> Pattern:
    """A belt along the part."""

    def pattern(place: Place) -> Floats:
        at = place.along + place.noise(place.points, 5.0, 3) * ragged
        return smooth_step(low - 0.01, low + 0.01, at) * (
            1 - smooth_step(high - 0.01, high + 0.01, at)
        )

    return pattern


def fading(low: float, high: float) -> Pattern:
    """From the ground's colour to the other, along the part."""

    def pattern(place: Place) -> Floats:
        return smooth_step(low, high, place.along + place.noise(place.points, 2.5, 2) * 0.12)

    return pattern


def scales(around: int, along: int) -> Pattern:
    """Rounded tiles in staggered rows; the colour lies along their rims."""

    def pattern(place: Place) -> Floats:
        row = np.floor(place.along * along)
        right = place.turn * around + 0.5 * (row % 2)
        x = right - np.floor(right) - 0.5
        y = place.along * along - row
        return smooth_step(0.36, 0.5, np.sqrt(x * x + 0.2 * (1 - y) * (1 - y)))

    return pattern


def _wave(at: Floats) -> Floats:
    """From 0 at the whole numbers to 1 between them: a bow of arithmetic, not a sine."""
    part = at - np.floor(at)
    made: Floats = 4 * part * (1 - part)
    return made
