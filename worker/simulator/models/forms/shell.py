"""A sea snail's shell: a tube that winds down a cone and grows."""

import math
from collections.abc import Sequence
from itertools import pairwise

from worker.simulator.models.colour import colour, paler
from worker.simulator.models.forms.scene import Scene
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Part
from worker.simulator.models.patterns import bands, patches, stripes
from worker.simulator.models.sections import fluted
from worker.simulator.models.solids import Vector, tube

STEPS = 90


def shell(scene: Scene) -> Sequence[Part]:
    dice = scene.dice
    turns, growth, pitch = dice.between(3.2, 5.0), dice.between(2.4, 3.4), dice.between(0.9, 2.0)
    fat = dice.between(0.44, 0.52)
    points: list[Vector] = []
    radii: list[float] = []
    for step in range(STEPS):
        size = math.exp(growth * (step / (STEPS - 1) - 1))
        angle = turns * 2 * math.pi * step / (STEPS - 1)
        points.append((math.cos(angle) * size * 0.52, -pitch * size, math.sin(angle) * size * 0.52))
        radii.append(size * fat)
    horn = tube(
        points,
        _evened(points, radii),
        _skin(scene),
        sideways=(0, 1, 0),
        section=fluted(dice.whole(5, 14), dice.between(0.015, 0.05)),
        roughness=scene.rough(0.05, 3),
    )
    return [horn]


def _evened(points: Sequence[Vector], radii: Sequence[float]) -> list[float]:
    """The radii at even distances along the tube, not at even angles."""
    walked = [0.0]
    for start, end in pairwise(points):
        walked.append(walked[-1] + math.dist(start, end))
    made, index = [], 0
    for step in range(STEPS):
        while index < STEPS - 2 and walked[index + 1] < walked[-1] * step / (STEPS - 1):
            index += 1
        made.append(radii[index])
    return made


def _skin(scene: Scene) -> Paint:
    dice = scene.dice
    sand = colour(dice.between(0.78, 0.88), dice.between(0.03, 0.08), dice.between(40, 95))
    ground = dice.one_of((sand, paler(scene.colours.main, 0.35)))
    pattern = dice.one_of(
        (bands(dice.whole(30, 60), 0.35, 0.3), stripes(dice.whole(5, 9), 0, 0.4), patches(4, 0.4))
    )
    return Paint(ground, scene.colours.second, pattern, roughness=0.3, mottle=0.15, step=0.2)
