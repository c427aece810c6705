"""A potted cactus with arms and a flower."""

import math
from collections.abc import Sequence

from worker.simulator.models.colour import Colour, colour, leaf, paler
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import bands, drips, patches, spots, stripes
from worker.simulator.models.sections import fluted
from worker.simulator.models.solids import Vector, ball, lathe, tube


def cactus(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    tall, thick, ribs = dice.between(0.9, 1.4), dice.between(0.2, 0.3), dice.whole(8, 12)
    skin = _skin(leaf(dice), ribs)
    trunk = tube(
        [(0, 0.3, 0), (0.0, tall * 0.6, 0), (dice.between(-0.1, 0.1), tall + 0.3, 0)],
        [thick * 0.8, thick, thick * 0.85],
        skin,
        section=fluted(ribs, 0.1),
        roughness=scene.rough(0.03, 3.0),
    )
    arms = [_arm(scene, skin, thick, side) for side in (-1, 1)[: dice.whole(1, 2)]]
    return [trunk, *_pot(scene), *arms, *_flower(scene, (0.0, tall + 0.3, 0.0))]


def _skin(green: Colour, ribs: int) -> Paint:
    return Paint(
        green,
        paler(green, 0.45),
        stripes(ribs, share=0.2, wobble=0.05),
        mottle=0.2,
        grain=7,
        step=0.4,
    )


def _arm(scene: Scene, skin: Paint, thick: float, side: int) -> Part:
    dice = scene.dice
    low, out, up = dice.between(0.6, 0.95), thick + dice.between(0.16, 0.3), dice.between(0.3, 0.6)
    points: list[Vector] = [
        (side * thick * 0.5, low, 0),
        (side * out * 0.85, low + 0.02, 0),
        (side * out * 1.12, low + 0.16, 0),
        (side * out * 1.15, low + up, 0),
    ]
    return tube(points, [0.1, 0.13, 0.14, 0.12], skin, section=fluted(7, 0.1))


def _pot(scene: Scene) -> list[Part]:
    dice = scene.dice
    clay = colour(dice.between(0.5, 0.62), dice.between(0.08, 0.12), dice.between(38, 55))
    ground = dice.one_of((clay, scene.colours.main, scene.colours.light))
    pattern = dice.one_of((bands(6, 0.3), spots(10, 12), patches(2, 0.4), drips(0.45, 0.2)))
    paint = Paint(ground, scene.colours.second, pattern, roughness=0.65, step=0.2)
    profile = [
        (0, 0),
        (0, 0.28),
        (0.03, 0.32),
        (0.4, 0.42),
        (0.42, 0.47),
        (0.54, 0.47),
        (0.55, 0.42),
        (0.46, 0.38),
        (0.44, 0.0),
    ]
    earth = Paint(
        colour(0.36, 0.04, 65),
        colour(0.55, 0.03, 70),
        patches(9, 0.3),
        roughness=1.0,
        mottle=0.5,
        grain=16,
    )
    soil = ball((0, 0.44, 0), 0.4, earth, stretch=0.16, roughness=scene.rough(0.15, 6))
    return [lathe(profile, paint, roughness=scene.rough(0.015, 3)), soil]


def _flower(scene: Scene, at: Vector) -> list[Part]:
    petals = scene.dice.whole(5, 8)
    petal = Paint(scene.colours.accent, paler(scene.colours.accent, 0.5), bands(2), roughness=0.6)
    heart = Paint(colour(0.8, 0.15, 88), colour(0.6, 0.14, 60), spots(9, 6), roughness=0.9)
    around: list[Part] = []
    for index in range(petals):
        angle = index * 2 * math.pi / petals
        out = (math.cos(angle), 0.75, math.sin(angle))
        place = (at[0] + out[0] * 0.12, at[1] + 0.06, at[2] + out[2] * 0.12)
        around.append(ball(place, 0.055, petal, stretch=2.0, axis=out, depth=1.2, width=0.7))
    return [ball((at[0], at[1] + 0.05, at[2]), 0.075, heart), *around]
