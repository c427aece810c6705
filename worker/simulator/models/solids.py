"""The pieces that forms are put together from."""

import math
from collections.abc import Sequence
from typing import TypedDict, Unpack

import numpy as np

from worker.simulator.models.arrays import Floats, cross, normalised
from worker.simulator.models.curve import Curve
from worker.simulator.models.paint import Paint
from worker.simulator.models.part import Along, Part, Roughness, Section, Spine

Vector = tuple[float, float, float]
UP: Vector = (0.0, 1.0, 0.0)
FRONT: Vector = (0.0, 0.0, 1.0)
CAP_STEPS = 6
ALONG_FRONT = 0.9  # an axis that points to the front has no side there


class Finish(TypedDict, total=False):
    """What all pieces may have beside their form."""

    section: Section
    width: float
    depth: float
    roughness: Roughness | None


def lathe(
    profile: Sequence[tuple[float, float]],
    paint: Paint,
    *,
    at: Vector = (0.0, 0.0, 0.0),
    axis: Vector = UP,
    size: float = 1.0,
    **finish: Unpack[Finish],
) -> Part:
    """Turned round an axis: the profile's points are (height, radius), from pole to pole."""
    outline = Curve([(height * size, radius * size) for height, radius in profile])
    return Part(_straight(at, axis), outline, paint, **finish)


def ball(
    middle: Vector,
    radius: float,
    paint: Paint,
    *,
    stretch: float = 1.0,
    axis: Vector = UP,
    **finish: Unpack[Finish],
) -> Part:
    """An ellipsoid, stretched along its axis."""
    angles = np.linspace(-math.pi / 2, math.pi / 2, 17)
    profile = [(math.sin(angle) * radius * stretch, math.cos(angle) * radius) for angle in angles]
    return lathe(profile, paint, at=middle, axis=axis, **finish)


def tube(
    points: Sequence[Vector],
    radii: Sequence[float],
    paint: Paint,
    *,
    sideways: Vector = FRONT,
    **finish: Unpack[Finish],
) -> Part:
    """Along a curve, with round ends; the radii are spread evenly over its length."""
    line = Curve(points)
    return Part(
        Spine(lambda along: line(along / line.length), _always(sideways)),
        Curve(_rounded(line.length, radii)),
        paint,
        **finish,
    )


def loop(centre: Along, thickness: Sequence[float], paint: Paint, **finish: Unpack[Finish]) -> Part:
    """A ring along a closed curve, given from 0 to 1 round the origin."""
    around = [*thickness, thickness[0]]
    outline = Curve([(index / len(thickness), radius) for index, radius in enumerate(around)])
    return Part(Spine(centre, _outwards(centre)), outline, paint, is_ring=True, **finish)


def circle(middle: Vector, radius: float, axis: Vector = UP) -> Along:
    first = normalised(cross(np.array(axis), np.array((0.3, 0.2, 0.9))))
    second = normalised(cross(np.array(axis), first))

    def centre(along: Floats) -> Floats:
        angle = along * 2 * np.pi
        reach = np.cos(angle)[..., None] * first + np.sin(angle)[..., None] * second
        made: Floats = np.array(middle) + radius * reach
        return made

    return centre


def _straight(at: Vector, axis: Vector) -> Spine:
    direction = normalised(np.array(axis))
    sideways = FRONT if abs(direction[2]) < ALONG_FRONT else UP
    return Spine(lambda along: np.array(at) + along[..., None] * direction, _always(sideways))


def _always(direction: Vector) -> Along:
    return lambda along: np.broadcast_to(np.array(direction), (*along.shape, 3))


def _outwards(centre: Along) -> Along:
    """Away from the middle of the whole ring: closed as the ring is."""
    middle = centre(np.arange(64) / 64).mean(axis=0)
    return lambda along: centre(along) - middle


def _rounded(length: float, radii: Sequence[float]) -> list[tuple[float, float]]:
    first, last = radii[0], radii[-1]
    angles = [step / CAP_STEPS * math.pi / 2 for step in range(CAP_STEPS + 1)]
    low = [(first * (1 - math.cos(angle)), first * math.sin(angle)) for angle in angles]
    high = [(length - last * (1 - math.sin(a)), last * math.cos(a)) for a in angles]
    inner = length - first - last
    steps = len(radii) - 1
    middle = [(first + inner * i / steps, radii[i]) for i in range(1, steps)]
    return [*low, *middle, *high]
