"""Eyes look along their axis: the pupil is painted round the pole."""

from worker.simulator.models.arrays import Floats, smooth_step
from worker.simulator.models.colour import Colour
from worker.simulator.models.paint import Paint, Place
from worker.simulator.models.part import Part
from worker.simulator.models.solids import Vector, ball

WHITE: Colour = (0.96, 0.95, 0.92)
BLACK: Colour = (0.05, 0.05, 0.07)


def eye(at: Vector, radius: float, towards: Vector) -> Part:
    paint = Paint(WHITE, BLACK, _pupil, roughness=0.12, mottle=0.02, relief=0.0)
    return ball(at, radius, paint, axis=towards)


def _pupil(place: Place) -> Floats:
    return smooth_step(0.7, 0.73, place.along)
