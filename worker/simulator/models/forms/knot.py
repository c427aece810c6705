"""A knot on a plinth: a sculpture."""

from collections.abc import Sequence

import numpy as np

from worker.simulator.models.arrays import Floats
from worker.simulator.models.colour import colour, darker, stone
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Along, Part, round_section
from worker.simulator.models.patterns import bands, marble, patches, stripes
from worker.simulator.models.sections import fluted, superformula
from worker.simulator.models.solids import lathe, loop

# How often through the hole, how often round it, and how thick the tube can be without touching.
KNOTS = ((2, 3, 1.0), (3, 2, 1.0), (2, 5, 0.8), (3, 4, 0.8), (5, 2, 0.8))


def knot(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    through, around, slimness = dice.one_of(KNOTS)
    thick = dice.between(0.115, 0.17) * slimness
    section = dice.one_of(
        (round_section, round_section, fluted(dice.whole(3, 6), 0.12), superformula(4, 5))
    )
    swelling = [thick * dice.between(0.75, 1.25) for _ in range(8)]
    tied = loop(_line(through, around), swelling, _metal(scene), section=section)
    return [tied, _plinth(scene)] if dice.chance(0.7) else [tied]


def _line(through: int, around: int) -> Along:
    """On a standing torus, so many times through its hole and so many times round it."""

    def centre(along: Floats) -> Floats:
        angle = along * 2 * np.pi
        reach = 0.62 + 0.28 * np.cos(around * angle)
        return np.stack(
            [
                reach * np.cos(through * angle),
                reach * np.sin(through * angle),
                0.3 * np.sin(around * angle),
            ],
            axis=-1,
        )

    return centre


def _metal(scene: Scene) -> Paint:
    dice, colours = scene.dice, scene.colours
    gold = colour(dice.between(0.7, 0.8), dice.between(0.1, 0.13), dice.between(55, 95))
    ground = dice.one_of((gold, colours.main, colours.light))
    pattern = dice.one_of(
        (
            bands(dice.whole(12, 30), 0.4),
            stripes(dice.whole(2, 5), 6),
            patches(3, 0.35),
            marble(1.5),
        )
    )
    return Paint(
        ground,
        dice.one_of((darker(ground, 0.5), colours.second)),
        pattern,
        roughness=0.25,
        over_roughness=0.5,
        metallic=0.9,
        over_metallic=0.2,
        mottle=0.1,
    )


def _plinth(scene: Scene) -> Part:
    grey = stone(scene.dice)
    paint = Paint(grey, darker(grey, 0.55), marble(1.0), roughness=0.5, mottle=0.12, grain=9)
    profile = [
        (-1.42, 0.0),
        (-1.42, 0.5),
        (-1.38, 0.55),
        (-1.28, 0.54),
        (-1.25, 0.46),
        (-1.02, 0.36),
        (-1.0, 0.4),
        (-0.93, 0.41),
        (-0.9, 0.36),
        (-0.89, 0.0),
    ]
    section = superformula(4, 9) if scene.dice.chance(0.4) else round_section
    return lathe(profile, paint, section=section)
