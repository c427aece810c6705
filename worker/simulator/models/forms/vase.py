"""A thrown and glazed vessel, with or without handles."""

from collections.abc import Sequence

from worker.simulator.models.colour import colour, darker
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint, Pattern
from worker.simulator.models.part import Part, round_section
from worker.simulator.models.patterns import bands, drips, patches, spots, stripes
from worker.simulator.models.sections import fluted
from worker.simulator.models.solids import lathe, tube

WALL = 0.045


def vase(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    outside = _outside(scene)
    section = (
        fluted(dice.whole(5, 16), 0.035, dice.between(-0.3, 0.3))
        if dice.chance(0.4)
        else round_section
    )
    body = lathe(
        _profile(outside), _glaze(scene), section=section, roughness=scene.rough(0.02, 3.0)
    )
    if not dice.chance(0.5):
        return [body]
    return [body, *_handles(scene, outside)]


def _outside(scene: Scene) -> list[tuple[float, float]]:
    """From the foot to the lip."""
    dice = scene.dice
    belly = dice.between(0.42, 0.68)
    neck = dice.between(0.14, 0.3)
    high = dice.between(0.5, 0.95)
    lip = neck + dice.between(0.04, 0.16)
    foot = dice.between(0.22, 0.34)
    return [
        (0.02, foot),
        (0.08, foot * 0.97),
        (high, belly),
        (high * 1.55, neck * 1.12),
        (high * 1.75, neck),
        (high * 1.95, lip),
    ]


def _profile(outside: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Up the outside, over the lip, and down the inside to the bottom."""
    foot, (high, belly) = outside[0][1], outside[2]
    inside = [
        *((height, radius - WALL) for height, radius in reversed(outside[3:-1])),
        (high, belly - WALL * 1.4),
        (high * 0.45, foot * 0.75),
        (0.14, foot * 0.4),
        (0.12, 0.0),
    ]
    top, lip = outside[-1]
    over = [
        (top + 0.025, lip - WALL * 0.3),
        (top + 0.015, lip - WALL * 0.9),
        (top - 0.03, lip - WALL * 1.2),
    ]
    return [(0.0, 0.0), (0.0, foot * 0.9), *outside, *over, *inside]


def _glaze(scene: Scene) -> Paint:
    dice, colours = scene.dice, scene.colours
    pattern: Pattern = dice.one_of(
        (
            drips(dice.between(0.25, 0.36), 0.14),
            bands(dice.whole(7, 13), 0.4),
            stripes(dice.whole(6, 14), dice.between(-1.5, 1.5)),
            spots(dice.whole(9, 14), dice.whole(12, 18), 0.36),
            patches(2.2, 0.45),
        )
    )
    ground = dice.one_of((colours.light, colours.main, colour(0.6, 0.09, 48)))
    over = colours.accent if ground is colours.main else colours.second
    return Paint(ground, over, pattern, roughness=0.7, over_roughness=0.22, mottle=0.12, step=0.3)


def _handles(scene: Scene, outside: list[tuple[float, float]]) -> list[Part]:
    (low, belly), (high, neck) = outside[2], outside[4]
    reach = belly + scene.dice.between(0.06, 0.22)
    paint = Paint(scene.colours.dark, darker(scene.colours.second, 0.3), bands(5), roughness=0.35)
    return [
        tube(
            [
                (side * (neck - 0.03), high, 0.0),
                (side * reach * 0.8, high + 0.1, 0.0),
                (side * reach, (low + high) / 2 + 0.1, 0.0),
                (side * (belly - 0.04), low + 0.05, 0.0),
            ],
            [0.05, 0.055, 0.05, 0.06],
            paint,
            width=1.3,
        )
        for side in (-1, 1)
    ]
