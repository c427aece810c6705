"""Maps as picture files."""

from dataclasses import dataclass, field
from io import BytesIO

import numpy as np
from PIL import Image

from worker.simulator.models.arrays import Floats
from worker.simulator.models.textures import Canvas

JPEG_QUALITY = 92


@dataclass(frozen=True)
class Maps:
    """Empty for a model without a texture."""

    separate: dict[str, bytes] = field(default_factory=dict)
    """base_color (JPEG); with PBR also metallic, roughness and normal (PNG)."""
    packed: bytes | None = None
    """Occlusion, roughness and metal in one PNG, as glTF wants them; only with PBR."""


def saved(canvas: Canvas | None, *, pbr: bool) -> Maps:
    if canvas is None:
        return Maps()
    base = {"base_color": _jpeg(canvas.colour)}
    if not pbr:
        return Maps(base)
    grey = {"metallic": _png(canvas.metallic), "roughness": _png(canvas.roughness)}
    packed = np.stack([canvas.occlusion, canvas.roughness, canvas.metallic], axis=-1)
    return Maps({**base, **grey, "normal": _png(canvas.normal)}, _png(packed))


def _jpeg(values: Floats) -> bytes:
    file = BytesIO()
    picture(values).save(file, "JPEG", quality=JPEG_QUALITY)
    return file.getvalue()


def _png(values: Floats) -> bytes:
    file = BytesIO()
    picture(values).save(file, "PNG", compress_level=4)
    return file.getvalue()


def picture(values: Floats) -> Image.Image:
    return Image.fromarray(np.round(np.clip(values, 0.0, 1.0) * 255).astype(np.uint8))
