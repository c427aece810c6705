"""Pictures made in code, and files that show them."""

from io import BytesIO
from typing import Any

import numpy as np
from PIL import Image

from tests.glb.build import Builder, bumpy
from worker.glb.document import Document
from worker.glb.options import Options, Preset
from worker.glb.textures import TextureJob, TextureResult, plan_textures

MIMES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp"}


def gradient(side: int = 64, bands: int = 3, noise: int = 8) -> Image.Image:
    """Soft areas with some grain, different in each channel."""
    rows, columns = np.mgrid[0:side, 0:side] / side
    channels = [rows, columns, (rows + columns) / 2, rows * columns][:bands]
    grain = np.random.default_rng(1).integers(0, noise + 1, size=(side, side, bands))
    pixels = (np.stack(channels, axis=-1) * (255 - noise) + grain).astype(np.uint8)
    return Image.fromarray(pixels, "RGB" if bands == 3 else "RGBA")


def noise(side: int = 64) -> Image.Image:
    """What no lossy format can hold: every channel of every pixel for itself."""
    pixels = np.random.default_rng(2).integers(0, 256, size=(side, side, 3))
    return Image.fromarray(pixels.astype(np.uint8), "RGB")


def encoded(image: Image.Image, form: str = "PNG", **settings: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **settings)
    return stream.getvalue()


def decoded(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def shown_as(slot: str, *pictures: bytes, mime: str = "image/png") -> Builder:
    """One material an image, which reads it as `slot`."""
    builder = Builder()
    for picture in pictures:
        texture = {"index": builder.texture(builder.image(picture, mime))}
        builder.material(**in_slot(slot, texture))
    surface = bumpy(4)
    builder.mesh(builder.primitive(surface.attributes, surface.faces, material=0))
    return builder


def in_slot(slot: str, texture: dict[str, Any]) -> dict[str, Any]:
    if slot in ("baseColorTexture", "metallicRoughnessTexture"):
        return {"pbrMetallicRoughness": {slot: texture}}
    return {slot: texture}


def plan(builder: Builder, preset: str = "balanced", **options: Any) -> list[TextureJob]:
    return plan_textures(Document.read(builder.data()), Options(preset=Preset(preset), **options))


def run(builder: Builder, preset: str = "balanced", **options: Any) -> list[TextureResult]:
    return [job.run() for job in plan(builder, preset, **options)]


def run_one(
    picture: bytes,
    preset: str = "balanced",
    slot: str = "baseColorTexture",
    mime: str = "image/png",
    **options: Any,
) -> TextureResult:
    (result,) = run(shown_as(slot, picture, mime=mime), preset, **options)
    return result
