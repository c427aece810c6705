"""A plump fish."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import darker, paler
from worker.simulator.models.forms.eyes import eye
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import fading, patches, scales, stripes
from worker.simulator.models.sections import fluted
from worker.simulator.models.solids import Vector, ball, lathe


def fish(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    deep, thick = dice.between(0.36, 0.6), dice.between(0.24, 0.32)
    fin = Paint(
        scene.colours.second, scene.colours.accent, fading(0.35, 0.9), roughness=0.5, grain=9
    )
    eyes = [
        eye((side * thick * 0.66, deep * 0.18, 0.62), 0.095, (side, 0.1, 0.35)) for side in (-1, 1)
    ]
    return [_body(scene, deep, thick), *_tail(scene, fin), *_fins(scene, fin, deep, thick), *eyes]


def _body(scene: Scene, deep: float, thick: float) -> Part:
    profile = [
        (-0.95, 0.0),
        (-0.9, 0.08),
        (-0.7, 0.12),
        (-0.2, 0.42),
        (0.25, 0.5),
        (0.7, 0.36),
        (0.92, 0.16),
        (0.9, 0.05),
        (0.82, 0.0),
    ]
    return lathe(
        profile,
        _skin(scene),
        axis=(0, 0, 1),
        width=deep * 2,
        depth=thick * 2,
        roughness=scene.rough(0.04, 2.0),
    )


def _skin(scene: Scene) -> Paint:
    dice, colours = scene.dice, scene.colours
    pattern = dice.one_of((scales(22, 20), scales(16, 15), patches(2.0, 0.4), stripes(7, 0.6, 0.4)))
    over = dice.one_of((darker(colours.main, 0.45), paler(colours.main, 0.6), colours.accent))
    return Paint(
        colours.main, over, pattern, roughness=0.28, metallic=0.25, mottle=0.18, step=-0.35
    )


def _tail(scene: Scene, fin: Paint) -> list[Part]:
    spread = scene.dice.between(0.55, 1.0)
    return [
        _blade((0, side * spread * 0.3, -1.1), (0, side * spread, -0.75), 0.15, 2.3, fin)
        for side in (-1, 1)
    ]


def _fins(scene: Scene, fin: Paint, deep: float, thick: float) -> list[Part]:
    lean = scene.dice.between(-0.9, -0.5)
    upper = _blade((0, deep * 0.95, 0.02), (0, 0.65, lean), 0.2, 1.7, fin)
    lower = _blade((0, -deep * 0.85, -0.15), (0, -0.6, lean), 0.14, 1.6, fin)
    sides = [
        _blade((side * thick * 1.15, -0.12, 0.22), (side * 0.7, -0.35, -0.7), 0.12, 1.9, fin)
        for side in (-1, 1)
    ]
    return [upper, lower, *sides]


def _blade(at: Vector, axis: Vector, radius: float, stretch: float, paint: Paint) -> Part:
    """A flat, rayed ellipsoid: thin across, wide along the fish."""
    sway = math.copysign(0.22, axis[1])
    return ball(
        at,
        radius,
        paint,
        stretch=stretch,
        axis=axis,
        width=1.0,
        depth=abs(sway),
        section=fluted(14, 0.05),
    )
