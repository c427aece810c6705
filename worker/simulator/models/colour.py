"""Colours that go together."""

import math
from dataclasses import dataclass

from worker.simulator.models.dice import Dice

Colour = tuple[float, float, float]
"""Red, green and blue as a picture stores them, from 0 to 1."""

NEARLY_BLACK = 0.0031308  # below this, sRGB is a straight line
TO_CONES = (
    (0.3963377774, 0.2158037573),
    (-0.1055613458, -0.0638541728),
    (-0.0894841775, -1.291485548),
)
TO_LIGHT = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.707614701),
)


def colour(lightness: float, chroma: float, hue: float) -> Colour:
    """OKLCH, where equal steps look equal; the hue in degrees (red 30, green 140, blue 260)."""
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    cones = [(lightness + u * a + v * b) ** 3 for u, v in TO_CONES]
    red, green, blue = (
        sum(part * cone for part, cone in zip(row, cones, strict=True)) for row in TO_LIGHT
    )
    return _stored(red), _stored(green), _stored(blue)


def _stored(light: float) -> float:
    kept = min(max(light, 0.0), 1.0)
    curved = 12.92 * kept if kept < NEARLY_BLACK else 1.055 * kept ** (1 / 2.4) - 0.055
    return round(curved, 4)


@dataclass(frozen=True)
class Palette:
    main: Colour
    second: Colour
    accent: Colour
    light: Colour
    dark: Colour


def palette(dice: Dice) -> Palette:
    hue = dice.between(0, 360)
    near = hue + dice.one_of((-50, -35, 35, 50))
    far = hue + dice.one_of((150, 180, 210))
    return Palette(
        main=colour(dice.between(0.55, 0.72), dice.between(0.09, 0.16), hue),
        second=colour(dice.between(0.42, 0.6), dice.between(0.08, 0.14), near),
        accent=colour(dice.between(0.68, 0.8), dice.between(0.12, 0.17), far),
        light=colour(0.93, 0.025, near),
        dark=colour(0.3, 0.04, hue),
    )


def leaf(dice: Dice) -> Colour:
    return colour(dice.between(0.48, 0.62), dice.between(0.09, 0.14), dice.between(118, 150))


def wood(dice: Dice) -> Colour:
    return colour(dice.between(0.38, 0.52), dice.between(0.04, 0.07), dice.between(48, 70))


def stone(dice: Dice) -> Colour:
    return colour(dice.between(0.5, 0.66), dice.between(0.008, 0.03), dice.between(40, 280))


def paler(base: Colour, part: float) -> Colour:
    red, green, blue = (round(value + (1 - value) * part, 4) for value in base)
    return red, green, blue


def darker(base: Colour, part: float) -> Colour:
    red, green, blue = (round(value * (1 - part), 4) for value in base)
    return red, green, blue
