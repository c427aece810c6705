"""A group of toadstools on a mound of moss."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import colour, leaf, paler
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import between, patches, spots
from worker.simulator.models.solids import Vector, ball, lathe


def mushrooms(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    count = dice.whole(1, 4)
    turned = dice.between(0, 2 * math.pi)
    grown: list[Part] = []
    for index in range(count):
        angle = turned + index * 2 * math.pi / count
        away = 0.0 if count == 1 else dice.between(0.28, 0.42)
        foot = (math.cos(angle) * away, -0.06, math.sin(angle) * away)
        grown += _mushroom(scene, foot, 1.0 / (1 + 0.35 * index))
    return [*grown, _mound(scene)]


def _mushroom(scene: Scene, foot: Vector, size: float) -> list[Part]:
    dice = scene.dice
    lean: Vector = (foot[0] * 0.5 + dice.between(-0.1, 0.1), 1.0, foot[2] * 0.5)
    tall, wide, thick = dice.between(0.75, 1.1), dice.between(0.42, 0.62), dice.between(0.1, 0.16)
    stem = [
        (0, 0),
        (0, thick * 1.3),
        (0.1, thick * 1.25),
        (tall * 0.6, thick * 0.8),
        (tall, thick * 0.9),
        (tall + 0.12, 0),
    ]
    ridge = tall * 0.66
    skirt = between(ridge / (tall + 0.3), (ridge + 0.06) / (tall + 0.3))
    pale = paler(scene.colours.light, 0.4)
    flesh = Paint(pale, scene.colours.dark, skirt, mottle=0.2, grain=7, relief=0.5)
    return [
        _cap(scene, foot, lean, (tall, wide), size),
        lathe(stem, flesh, at=foot, axis=lean, size=size, roughness=scene.rough(0.1, 4.0)),
    ]


def _cap(scene: Scene, at: Vector, lean: Vector, measure: tuple[float, float], size: float) -> Part:
    dice = scene.dice
    tall, wide = measure
    dome = dice.between(0.28, 0.62)
    rim = tall - dice.between(0.0, 0.12)
    profile = [
        (tall + 0.03, 0.0),
        (tall + 0.02, wide * 0.5),
        (rim, wide * 0.92),
        (rim + 0.03, wide),
        (rim + dome * 0.45, wide * 0.86),
        (tall + dome * 0.85, wide * 0.45),
        (tall + dome, 0.0),
    ]
    red = dice.chance(0.5)
    top = colour(0.52, 0.17, dice.between(22, 45)) if red else scene.colours.main
    dots = spots(dice.whole(6, 9), dice.whole(9, 13), dice.between(0.28, 0.4))
    paint = Paint(
        top, paler(scene.colours.light, 0.5), dots, roughness=0.4, over_roughness=0.85, step=0.7
    )
    return lathe(profile, paint, at=at, axis=lean, size=size, roughness=scene.rough(0.05, 2.5))


def _mound(scene: Scene) -> Part:
    moss = leaf(scene.dice)
    paint = Paint(
        moss,
        colour(0.42, 0.05, 80),
        patches(3.0, 0.4),
        roughness=0.95,
        mottle=0.35,
        grain=11,
        relief=1,
    )
    return ball((0, -0.1, 0), 0.72, paint, stretch=0.22, roughness=scene.rough(0.22, 2.4, 4))
