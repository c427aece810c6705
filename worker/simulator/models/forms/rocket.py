"""A rocket as toys have it."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import colour, darker
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import bands, between, fading, plain, stripes
from worker.simulator.models.solids import Vector, ball, circle, lathe, loop, tube

STEEL = colour(0.62, 0.01, 250)


def rocket(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    fat, long = dice.between(0.26, 0.4), dice.between(1.5, 2.0)
    hull = lathe([(height * long, radius * fat) for height, radius in _PROFILE], _livery(scene))
    steel = Paint(
        STEEL, darker(STEEL, 0.5), bands(7, 0.3), roughness=0.35, metallic=1.0, mottle=0.15
    )
    nozzle = lathe(
        [
            (-0.16, 0),
            (-0.06, fat * 0.3),
            (-0.17, fat * 0.55),
            (-0.15, fat * 0.6),
            (0.02, fat * 0.4),
            (0.15, 0),
        ],
        steel,
    )
    return [
        hull,
        *_fins(scene, fat, long),
        nozzle,
        *_windows(scene, fat, long, steel),
        _flame(scene, fat),
    ]


_PROFILE = (
    (0.0, 0.0),
    (0.0, 0.55),
    (0.02, 0.62),
    (0.22, 0.93),
    (0.45, 1.0),
    (0.68, 0.86),
    (0.87, 0.46),
    (0.98, 0.06),
    (1.0, 0.0),
)


def _livery(scene: Scene) -> Paint:
    dice, colours = scene.dice, scene.colours
    pattern = dice.one_of(
        (
            between(0.72, 0.99, 0.0),
            between(0.33, 0.42, 0.0),
            bands(5, 0.25, 0.0),
            stripes(4, 0, 0.3, 0.0),
        )
    )
    ground = dice.one_of((colours.light, colours.light, colours.main))
    over = colours.second if ground is colours.light else colours.light
    return Paint(ground, over, pattern, roughness=0.32, mottle=0.07, metallic=0.1, relief=0.15)


def _fins(scene: Scene, fat: float, long: float) -> list[Part]:
    count = scene.dice.whole(3, 5)
    paint = Paint(
        scene.colours.second, scene.colours.accent, fading(0.4, 1), roughness=0.4, mottle=0.08
    )
    return [_fin(2 * math.pi * (index + 0.25) / count, fat, long, paint) for index in range(count)]


def _fin(angle: float, fat: float, long: float, paint: Paint) -> Part:
    """Swept back, thin across."""
    x, z = math.cos(angle), math.sin(angle)
    outline = ((0.6, 0.34), (1.15, 0.22), (1.55, 0.02), (1.6, -0.14))
    points: list[Vector] = [(x * fat * out, up * long * 0.8, z * fat * out) for out, up in outline]
    return tube(
        points, [0.12, 0.13, 0.09, 0.05], paint, sideways=(-z, 0.0, x), width=0.28, depth=1.25
    )


def _windows(scene: Scene, fat: float, long: float, steel: Paint) -> list[Part]:
    glass = Paint(
        colour(0.45, 0.09, 235),
        colour(0.85, 0.05, 210),
        plain,
        roughness=0.05,
        mottle=0.05,
        relief=0,
    )
    made: list[Part] = []
    for index in range(scene.dice.whole(1, 2)):
        up, size = long * (0.62 - 0.2 * index), fat * (0.3 - 0.06 * index)
        reach = fat * (0.9 + 0.06 * index)
        at: Vector = (reach * 0.35, up, reach * 0.9)
        out: Vector = (0.36, 0.16, 0.92)
        made += [
            ball(at, size, glass, stretch=0.35, axis=out),
            loop(circle(at, size, out), [size * 0.2] * 6, steel),
        ]
    return made


def _flame(scene: Scene, fat: float) -> Part:
    fire = Paint(
        colour(0.9, 0.15, 95), colour(0.62, 0.2, 38), fading(0.35, 0.9), roughness=0.9, mottle=0.1
    )
    profile = [
        (0.05, 0.0),
        (0.1, fat * 0.3),
        (0.22, fat * 0.48),
        (0.42, fat * 0.3),
        (0.66, 0.02),
        (0.68, 0.0),
    ]
    return lathe(profile, fire, axis=(0, -1, 0), roughness=scene.rough(0.25, 4))
