"""A little world with moons, and perhaps a ring."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import darker, paler, stone
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import bands, marble, patches, stripes
from worker.simulator.models.solids import Vector, ball, circle, loop


def planet(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    tilt: Vector = (dice.between(-0.45, 0.45), 1.0, dice.between(0.1, 0.4))
    world = ball(
        (0, 0, 0),
        0.72,
        _land(scene),
        axis=tilt,
        roughness=scene.rough(dice.between(0.04, 0.16), 1.6, 5),
    )
    rings = [_ring(scene, tilt)] if dice.chance(0.6) else []
    return [world, *rings, *_moons(scene)]


def _land(scene: Scene) -> Paint:
    dice, colours = scene.dice, scene.colours
    pattern = dice.one_of((patches(1.8, 0.5), patches(2.6, 0.4), bands(8, 0.5, 0.35), marble(1.0)))
    over = dice.one_of((colours.accent, colours.second, paler(colours.main, 0.6)))
    return Paint(
        colours.main,
        over,
        pattern,
        roughness=0.45,
        over_roughness=0.9,
        mottle=0.22,
        step=0.5,
        relief=0.8,
    )


def _ring(scene: Scene, tilt: Vector) -> Part:
    paint = Paint(
        scene.colours.light,
        darker(scene.colours.second, 0.2),
        stripes(9, 0, 0.5, 0.05),
        roughness=0.8,
    )
    return loop(circle((0, 0, 0), scene.dice.between(1.1, 1.25), tilt), [0.2] * 8, paint, depth=0.1)


def _moons(scene: Scene) -> list[Part]:
    dice = scene.dice
    made: list[Part] = []
    for index in range(dice.whole(1, 3)):
        angle = dice.between(0, 2 * math.pi)
        at: Vector = (
            math.cos(angle) * 1.05,
            dice.between(0.35, 0.8) * (-1) ** index,
            math.sin(angle) * 1.05,
        )
        grey = stone(dice)
        paint = Paint(
            grey, darker(grey, 0.4), patches(6, 0.35), roughness=0.95, mottle=0.3, relief=1
        )
        made.append(ball(at, dice.between(0.09, 0.17), paint, roughness=scene.rough(0.2, 4)))
    return made
