"""A wind-bent tree with a few heavy crowns."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import Colour, colour, darker, leaf, paler, wood
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import patches, plain, stripes
from worker.simulator.models.sections import fluted
from worker.simulator.models.solids import Vector, ball, tube


def tree(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    lean = dice.between(-0.35, 0.35)
    brown = wood(dice)
    bark = Paint(
        brown,
        darker(brown, 0.45),
        stripes(13, 0.7, 0.4, 0.6),
        roughness=0.95,
        mottle=0.3,
        grain=10,
        relief=1,
    )
    trunk = tube(
        [(0, -0.05, 0), (lean * 0.5, 0.35, 0.05), (lean * 0.1, 0.8, -0.05), (lean, 1.25, 0)],
        [0.26, 0.13, 0.1, 0.06],
        bark,
        section=fluted(5, 0.14, 0.3),
        roughness=scene.rough(0.12, 3),
    )
    return [trunk, *_crowns(scene, lean, bark), _ground(scene)]


def _crowns(scene: Scene, lean: float, bark: Paint) -> list[Part]:
    dice = scene.dice
    foliage = _foliage(scene)
    made = [_crown(scene, (lean, 1.4, 0.0), dice.between(0.42, 0.55), foliage)]
    turned = dice.between(0, 2 * math.pi)
    for index in range(dice.whole(2, 4)):
        angle = turned + index * 2.4
        high = 0.85 + 0.14 * index
        tip: Vector = (lean * 0.6 + math.cos(angle) * 0.5, high + 0.12, math.sin(angle) * 0.45)
        made += [
            _branch((lean * 0.2, high - 0.22, 0.0), tip, bark),
            _crown(scene, tip, dice.between(0.24, 0.36), foliage),
        ]
    return made


def _foliage(scene: Scene) -> Paint:
    dice = scene.dice
    autumn = colour(0.62, 0.14, dice.between(30, 75))
    blossom = colour(0.8, 0.09, dice.between(340, 365))
    ground: Colour = dice.one_of((leaf(dice), leaf(dice), autumn, blossom))
    return Paint(
        ground,
        paler(ground, 0.4),
        patches(9.0, 0.3),
        roughness=0.9,
        mottle=0.4,
        grain=12,
        relief=1.4,
        step=0.6,
    )


def _crown(scene: Scene, at: Vector, radius: float, foliage: Paint) -> Part:
    return ball(
        at,
        radius,
        foliage,
        stretch=scene.dice.between(0.6, 0.85),
        roughness=scene.rough(0.38, 4.2, 4),
    )


def _branch(start: Vector, tip: Vector, bark: Paint) -> Part:
    middle = (
        start[0] * 0.4 + tip[0] * 0.6,
        start[1] * 0.6 + tip[1] * 0.4,
        start[2] * 0.4 + tip[2] * 0.6,
    )
    return tube(
        [start, middle, tip],
        [0.06, 0.045, 0.03],
        bark,
        sideways=(tip[2] - start[2], 0.1, start[0] - tip[0]),
    )


def _ground(scene: Scene) -> Part:
    grass = leaf(scene.dice)
    paint = Paint(
        grass, colour(0.45, 0.05, 75), plain, roughness=1.0, mottle=0.35, grain=12, relief=1
    )
    return ball((0, -0.12, 0), 0.75, paint, stretch=0.2, roughness=scene.rough(0.18, 2.6, 4))
