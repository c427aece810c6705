"""A small picture of a model: seen from afar, lit from the upper left, its shadow on the floor."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from PIL import Image, ImageFilter

from worker.simulator.models.arrays import Floats, dot, normalised, smooth_step
from worker.simulator.models.images import picture
from worker.simulator.models.mesh import Mesh
from worker.simulator.models.raster import Covered, rasterised
from worker.simulator.models.textures import Canvas

SIZE = 512
SAMPLES = 2  # a pixel, both ways
FILLED = 0.77  # of the picture, by the model's longer side
TO_PIXELS = np.array((1.0, -1.0, 1.0))
CENTRE = np.array((0.5, 0.49, 0.0)) * SIZE * SAMPLES
CLAY = (0.72, 0.7, 0.68)
TURNED, TILTED = (0.857, 0.515), (0.951, 0.309)  # cosine and sine of 31 and 18 degrees
LIGHT = normalised(np.array((-0.5, 0.75, 0.55)))
HALFWAY = normalised(LIGHT + np.array((0.0, 0.0, 1.0)))
PAPER, FLOOR = (0.93, 0.935, 0.945), (0.80, 0.81, 0.83)


def thumbnail(mesh: Mesh, canvas: Canvas | None) -> bytes:
    view = _view(mesh)
    covered = rasterised(view.place(mesh.points), mesh.faces, SIZE * SAMPLES)
    image = _background(view, mesh)
    image[covered.row, covered.column] = _lit(mesh, canvas, covered)
    return _shrunk(image)


@dataclass(frozen=True)
class View:
    scale: float
    middle: Floats

    def place(self, points: Floats) -> Floats:
        """To the right, down, and towards the eye, in samples of the picture."""
        seen = (_turned(points) - self.middle) * self.scale
        placed: Floats = seen * TO_PIXELS + CENTRE
        return placed


def _view(mesh: Mesh) -> View:
    seen = _turned(mesh.points)
    low, high = seen.min(axis=0), seen.max(axis=0)
    longest = float((high - low)[:2].max())
    return View(FILLED * SIZE * SAMPLES / longest, (low + high) / 2)


def _turned(vectors: Floats) -> Floats:
    """From the model's axes to the eye's: right, up and towards it."""
    x, y, z = (vectors[..., axis] for axis in range(3))
    right, ahead = TURNED[0] * x - TURNED[1] * z, TURNED[1] * x + TURNED[0] * z
    up, towards = TILTED[0] * y - TILTED[1] * ahead, TILTED[1] * y + TILTED[0] * ahead
    return np.stack([right, up, towards], axis=-1)


def _lit(mesh: Mesh, canvas: Canvas | None, covered: Covered) -> Floats:
    normal = normalised(_turned(covered.blended(mesh.normals[mesh.faces])))
    facing = dot(normal, LIGHT)
    sun = np.maximum(facing * 0.7 + 0.3, 0.0)
    sky = 0.5 + 0.5 * normal[:, 1]
    rim = (1 - np.clip(normal[:, 2], 0, 1)) ** 3 * (0.4 + 0.6 * sky)
    colour, gloss = _material(mesh, canvas, covered)
    light = (0.30 + 0.28 * sky + 0.62 * sun) * _openness(covered)
    shine = gloss * np.maximum(dot(normal, HALFWAY), 0.0) ** 40
    made: Floats = colour * light[:, None] + (0.1 * rim + 0.5 * shine)[:, None]
    return made


def _material(mesh: Mesh, canvas: Canvas | None, covered: Covered) -> tuple[Floats, Floats]:
    if canvas is None:
        return np.array(CLAY), np.full(len(covered.row), 0.15)
    at = covered.blended(mesh.coordinates[mesh.triangles]) * len(canvas.height)
    column, row = np.clip(at.astype(np.int64), 0, len(canvas.height) - 1).T
    gloss = 1 - np.clip(canvas.roughness[row, column], 0.0, 1.0)
    return canvas.colour[row, column], gloss


def _openness(covered: Covered) -> Floats:
    """Darker where the neighbourhood stands nearer to the eye."""
    size = SIZE * SAMPLES
    near, far = covered.depth.max(), covered.depth.min()
    depth = np.zeros((size, size), np.float64)
    depth[covered.row, covered.column] = (covered.depth - far) / (near - far) * 0.9 + 0.1
    around = np.asarray(picture(depth).filter(ImageFilter.GaussianBlur(size / 40))) / 255
    buried = (around - depth)[covered.row, covered.column]
    return 1 - 0.75 * smooth_step(0.01, 0.22, buried)


def _background(view: View, mesh: Mesh) -> Floats:
    size = SIZE * SAMPLES
    down = np.linspace(0, 1, size)[:, None, None]
    paper = np.array(PAPER) * (1 - down) + np.array(FLOOR) * down
    made: Floats = np.broadcast_to(paper, (size, size, 3)) * (
        1 - 0.5 * _shadow(view, mesh)[..., None]
    )
    return made


def _shadow(view: View, mesh: Mesh) -> Floats:
    """Of all points, along the light, on the floor: counted coarsely and blurred."""
    coarse = SIZE // 8
    x, y, z = mesh.points.T
    fall = y - y.min()
    floor = np.stack([x + 0.15 * fall, np.full_like(y, y.min()), z - 0.2 * fall], axis=-1)
    at = np.clip(view.place(floor)[:, :2] / (SIZE * SAMPLES) * coarse, 0, coarse - 1).astype(
        np.int64
    )
    hits = np.bincount(at[:, 1] * coarse + at[:, 0], minlength=coarse * coarse)
    dark = picture(np.minimum(hits.reshape(coarse, coarse) / 12, 1.0))
    large = dark.resize((SIZE * SAMPLES,) * 2, Image.Resampling.BICUBIC)
    return np.asarray(large.filter(ImageFilter.GaussianBlur(SIZE * SAMPLES / 30))) / 255


def _shrunk(image: Floats) -> bytes:
    file = BytesIO()
    picture(image).resize((SIZE, SIZE), Image.Resampling.BOX).save(file, "PNG")
    return file.getvalue()
