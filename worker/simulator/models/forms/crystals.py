"""Crystals that grow out of a rock."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import colour, darker, paler, stone
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import fading, marble, patches
from worker.simulator.models.sections import polygon
from worker.simulator.models.solids import Vector, ball, lathe


def crystals(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    grey = stone(dice)
    pattern = dice.one_of((patches(2.5, 0.4), marble(1.2)))
    rock = Paint(
        grey,
        dice.one_of((darker(grey, 0.4), colour(0.55, 0.08, 130))),
        pattern,
        roughness=0.95,
        mottle=0.35,
        relief=1.2,
        step=0.3,
    )
    base = ball(
        (0, 0, 0), 0.7, rock, stretch=dice.between(0.5, 0.75), roughness=scene.rough(0.42, 1.9, 5)
    )
    return [base, *_grown(scene)]


def _grown(scene: Scene) -> list[Part]:
    dice = scene.dice
    count, turned = dice.whole(4, 8), dice.between(0, 2 * math.pi)
    made = [
        _crystal(
            scene, (0.0, 0.2, 0.0), (dice.between(-0.15, 0.15), 1.0, 0.1), dice.between(0.9, 1.2)
        )
    ]
    for index in range(count):
        angle = turned + index * 2.4  # the golden angle leaves no gaps and no rows
        out = dice.between(0.4, 1.0)
        axis: Vector = (math.cos(angle) * out, 1.0, math.sin(angle) * out)
        foot: Vector = (axis[0] * 0.28, 0.16, axis[2] * 0.28)
        made.append(_crystal(scene, foot, axis, dice.between(0.45, 0.85)))
    return made


def _crystal(scene: Scene, foot: Vector, axis: Vector, long: float) -> Part:
    thick = long * scene.dice.between(0.13, 0.19)
    profile = [
        (0.0, 0.0),
        (0.01, thick * 0.8),
        (0.06, thick * 0.9),
        (long * 0.74, thick),
        (long * 0.78, thick * 0.94),
        (long * 0.97, thick * 0.14),
        (long, 0.0),
    ]
    gem = scene.colours.main
    paint = Paint(
        darker(gem, 0.3),
        paler(gem, 0.55),
        fading(0.1, 1.0),
        roughness=0.12,
        mottle=0.12,
        grain=3,
        relief=0.1,
    )
    return lathe(profile, paint, at=foot, axis=axis, section=polygon(6, 0.04))
