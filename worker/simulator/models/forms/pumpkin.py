"""A ribbed fruit with a stalk and a tendril."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import Colour, colour, darker, leaf, paler
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import fading, patches, stripes
from worker.simulator.models.sections import fluted, ribbed
from worker.simulator.models.solids import Vector, lathe, tube


def pumpkin(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    tall = dice.between(0.75, 1.5)
    ribs = dice.whole(7, 13)
    fruit = lathe(
        _profile(tall, dice.between(-0.15, 0.2)),
        _skin(scene, ribs),
        section=ribbed(ribs, dice.between(0.08, 0.22)),
        roughness=scene.rough(0.05, 1.8),
    )
    green = leaf(dice)
    return [fruit, _stalk(scene, tall, green), _tendril(scene, tall, green)]


def _profile(tall: float, pear: float) -> list[tuple[float, float]]:
    return [
        (0.1 * tall, 0.0),
        (0.02 * tall, 0.2),
        (0.06 * tall, 0.45),
        (0.32 * tall, 0.72 + pear * 0.4),
        (0.62 * tall, 0.72 - pear),
        (0.94 * tall, 0.42 - pear),
        (0.97 * tall, 0.2),
        (0.86 * tall, 0.0),
    ]


def _skin(scene: Scene, ribs: int) -> Paint:
    dice = scene.dice
    ripe = colour(dice.between(0.58, 0.72), dice.between(0.13, 0.17), dice.between(40, 85))
    ground: Colour = dice.one_of((ripe, ripe, leaf(dice), scene.colours.main))
    pattern = dice.one_of(
        (stripes(ribs, share=0.16, wobble=0.1), patches(2.6, 0.35), fading(0.55, 0.95))
    )
    over = dice.one_of((darker(ground, 0.45), paler(ground, 0.5), leaf(dice)))
    return Paint(ground, over, pattern, roughness=0.45, mottle=0.16, grain=6)


def _stalk(scene: Scene, tall: float, green: Colour) -> Part:
    dice = scene.dice
    bend = dice.between(-0.2, 0.2)
    paint = Paint(
        darker(green, 0.25), colour(0.5, 0.06, 75), fading(0.3, 1.0), mottle=0.3, grain=12
    )
    return tube(
        [
            (0, 0.8 * tall, 0),
            (0.0, tall, 0.02),
            (bend, tall + 0.22, 0.05),
            (bend * 1.9, tall + 0.3, 0.1),
        ],
        [0.16, 0.09, 0.07, 0.085],
        paint,
        section=fluted(5, 0.16, 0.4),
    )


def _tendril(scene: Scene, tall: float, green: Colour) -> Part:
    """A corkscrew that leans over the fruit's shoulder."""
    dice = scene.dice
    side = dice.one_of((-1, 1))
    turns = dice.between(2.0, 3.5)
    points: list[Vector] = []
    for step in range(28):
        part = step / 27
        angle = part * turns * 2 * math.pi
        reach = 0.09 * min(1.0, part * 3)
        x = side * (0.05 + part * 0.75)
        points.append(
            (
                x,
                tall * 0.97 + 0.06 + math.sin(angle) * reach - part * part * 0.1,
                0.12 + math.cos(angle) * reach + part * 0.1,
            )
        )
    return tube(
        points,
        [0.024, 0.02, 0.012],
        Paint(green, paler(green, 0.3), fading(0, 1)),
        sideways=(side, 0.12, 0.07),
    )
