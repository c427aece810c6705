"""Pixels with 8 bits a channel, RGB or RGBA: decoded, scaled, encoded, compared."""

import math
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from PIL import Image, ImageChops
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from worker.glb.container import Buffer
from worker.glb.picture_size import picture_size
from worker.glb.textures.encoding import Encoding
from worker.glb.textures.source import JPEG, PNG, WEBP

# The classes, not Image.open: that would import and ask forty formats that glTF doesn't know.
DECODERS: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    PNG: PngImageFile,
    JPEG: JpegImageFile,
    WEBP: WebPImageFile,
}
OPAQUE = 255
PERFECT = 99.0


def decode(data: Buffer, mime: str) -> Image.Image:
    image = DECODERS[mime](BytesIO(data))
    check_size(image, data)
    image.load()
    return flattened(eight_bits(image))


def check_size(image: Image.Image, data: Buffer) -> None:
    """Pillow heeds the last header, the limit on pixels the first: 3 MB could cost 8 GB."""
    if image.size != picture_size(memoryview(data)):
        width, height = image.size
        raise ValueError(f"it has more than one header, and another says {width} x {height}")


def eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return high_bytes(image)
    if image.mode in ("RGB", "RGBA") and "transparency" not in image.info:
        return image
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def high_bytes(image: Image.Image) -> Image.Image:
    """Of 16 bits the upper 8. Pillow's convert() would clip at 255 instead."""
    import numpy as np  # noqa: PLC0415 - hardly any file has such a picture

    return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")


def flattened(image: Image.Image) -> Image.Image:
    """An alpha channel that is opaque everywhere says nothing and costs bytes."""
    if image.mode == "RGBA" and image.getchannel("A").getextrema() == (OPAQUE, OPAQUE):
        return image.convert("RGB")
    return image


def scaled(image: Image.Image, side: int) -> Image.Image:
    """Each channel by itself: together, colour would be lost where alpha, perhaps data, is 0."""
    factor = side / max(image.size)
    if factor >= 1:
        return image
    width, height = (max(1, round(length * factor)) for length in image.size)
    bands = [band.resize((width, height), Image.Resampling.LANCZOS) for band in image.split()]
    return Image.merge(image.mode, bands)


def encode(image: Image.Image, encoding: Encoding) -> bytes:
    match encoding.mime:
        case "image/webp":
            return encode_webp(image, encoding)
        case "image/jpeg":
            return encode_jpeg(image, encoding)
        case _:
            return written(image, "PNG", icc_profile=None)


def encode_webp(image: Image.Image, encoding: Encoding) -> bytes:
    return written(
        image,
        "WEBP",
        lossless=encoding.lossless,
        quality=encoding.quality,
        method=encoding.method,
        exact=encoding.keeps_hidden_color,
    )


def encode_jpeg(image: Image.Image, encoding: Encoding) -> bytes:
    settings = {"quality": encoding.quality, "subsampling": 2 if encoding.halves_color else 0}
    try:
        return written(image, "JPEG", optimize=True, progressive=True, **settings)
    except OSError:  # Pillow guesses the size of its buffer too low where a map is all noise
        return written(image, "JPEG", **settings)


def written(image: Image.Image, form: str, **settings: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, form, **settings)
    return stream.getvalue()


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Peak signal-to-noise ratio in decibels, over all channels."""
    histogram = ImageChops.difference(one, other.convert(one.mode)).histogram()
    total = sum(count * (value % 256) ** 2 for value, count in enumerate(histogram))
    if total == 0:
        return PERFECT
    return 10 * math.log10(OPAQUE**2 * sum(histogram) / total)
