"""A model's maps, painted part by part on their plots."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from worker.simulator.models.arrays import Floats, normalised
from worker.simulator.models.atlas import Plot
from worker.simulator.models.noise import Noise
from worker.simulator.models.paint import Paint, Place
from worker.simulator.models.part import Part
from worker.simulator.models.shape import Shape

COARSE = 4  # places in space are computed for every so many texels, and drawn out between them
BUMP = 10.0
SHADED = 0.22  # how much darker a model's foot is than its top


@dataclass(frozen=True)
class Canvas:
    """All maps of one model; values from 0 to 1, heights around 0."""

    colour: Floats
    roughness: Floats
    metallic: Floats
    height: Floats

    @cached_property
    def normal(self) -> Floats:
        """As glTF has it: x to the right, y up, z out of the surface."""
        scale = BUMP * len(self.height) / 1024
        down, right = np.gradient(self.height)
        out = np.ones_like(self.height)
        upright = normalised(np.stack([-right * scale, down * scale, out], axis=-1))
        made: Floats = upright * 0.5 + 0.5
        return made

    @cached_property
    def occlusion(self) -> Floats:
        made: Floats = np.clip(1.0 + np.minimum(self.height, 0.0) * 0.8, 0.4, 1.0)
        return made


def painted(shape: Shape, plots: Sequence[Plot], size: int, seed: int) -> Canvas:
    canvas = Canvas(*(np.zeros((size, size, *rest), np.float32) for rest in ((3,), (), (), ())))
    noise = Noise(seed)
    for part, plot in zip(shape.parts, plots, strict=True):
        rows, columns = _texels(plot.top, plot.height, size), _texels(plot.left, plot.width, size)
        place = _place(shape, part, plot, (rows, columns, size), noise)
        _paint(
            canvas, part.paint, place, np.s_[rows.start : rows.stop, columns.start : columns.stop]
        )
    return canvas


def _texels(start: float, length: float, size: int) -> range:
    """Neighbours round alike, so the plots leave no texel out."""
    return range(round(start * size), round((start + length) * size))


def _place(
    shape: Shape, part: Part, plot: Plot, texels: tuple[range, range, int], noise: Noise
) -> Place:
    rows, columns, size = texels
    along = np.clip(plot.along((np.array(rows) + 0.5) / size), 0.0, 1.0)
    turn = plot.turn((np.array(columns) + 0.5) / size)
    few = np.meshgrid(_thinned(along), _thinned(turn), indexing="ij")
    points = _drawn_out(shape.surface(part, *few).astype(np.float32), len(along), len(turn))
    full = np.meshgrid(along.astype(np.float32), turn.astype(np.float32), indexing="ij")
    return Place(*full, points, noise)


def _thinned(values: Floats) -> Floats:
    """Every so many, from the first to the last."""
    fewer = max(2, len(values) // COARSE)
    return np.interp(np.linspace(0, len(values) - 1, fewer), np.arange(len(values)), values)


def _drawn_out(points: Floats, rows: int, columns: int) -> Floats:
    return _between(_between(points, rows).swapaxes(0, 1), columns).swapaxes(0, 1)


def _between(points: Floats, count: int) -> Floats:
    at = np.linspace(0, len(points) - 1, count)
    below = np.minimum(at.astype(np.int64), len(points) - 2)
    part = (at - below).astype(np.float32)[:, None, None]
    made: Floats = points[below] * (1 - part) + points[below + 1] * part
    return made


def _paint(canvas: Canvas, paint: Paint, place: Place, where: tuple[slice, slice]) -> None:
    over = paint.pattern(place).astype(np.float32)
    grain = place.noise(place.points, paint.grain, 4)
    light = (1 + paint.mottle * grain) * _shade(place.points)
    canvas.colour[where] = _mixed(paint.ground, paint.over, over) * light[..., None]
    canvas.roughness[where] = _blend(paint.roughness, paint.over_roughness, over) + grain * 0.08
    canvas.metallic[where] = _blend(paint.metallic, paint.over_metallic, over)
    canvas.height[where] = paint.relief * grain + paint.step * over


def _shade(points: Floats) -> Floats:
    made: Floats = 1 - SHADED * (0.5 - np.clip(points[..., 1] / 1.9, -0.5, 0.5))
    return made


def _mixed(ground: tuple[float, ...], over: tuple[float, ...], part: Floats) -> Floats:
    low, high = np.array(ground, np.float32), np.array(over, np.float32)
    made: Floats = low + (high - low) * part[..., None]
    return made


def _blend(ground: float, over: float | None, part: Floats) -> Floats:
    made: Floats = (
        np.float32(ground) + np.float32((ground if over is None else over) - ground) * part
    )
    return made
