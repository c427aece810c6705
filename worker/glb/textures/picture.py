"""Pixels with 8 bits a channel, RGB or RGBA: decoded, scaled, encoded, compared."""

import math
from collections.abc import Callable
from io import BytesIO
from typing import IO, Any

from PIL import ExifTags, Image, ImageChops
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from worker.glb.container import Buffer
from worker.glb.picture_size import picture_size
from worker.glb.textures.encoding import Encoding
from worker.glb.textures.source import (
    DEEP,
    JPEG,
    PNG,
    PNG_DEPTH_OFFSET,
    WEBP,
    LeftAloneError,
)

# The classes, not Image.open: that would import and ask forty formats that glTF doesn't know.
DECODERS: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    PNG: PngImageFile,
    JPEG: JpegImageFile,
    WEBP: WebPImageFile,
}
# How each begins in a JPEG. Coded pixels hold no marker, and six such letters by the rarest chance.
REPEATED = {"scans": b"\xff\xda\0", "pieces of EXIF data": b"Exif\0\0"}
MOST_REPEATS = 100
UPRIGHT = 1
OPAQUE = 255
PERFECT = 99.0
COLOR_HISTOGRAM = 3 * 256
LARGEST_PALETTE = 1 << 16
MOST_COLORS = 1024


def decode(data: Buffer, mime: str) -> Image.Image:
    content = bytes(data)
    image = opened(content, mime)
    image.load()
    check_rotation(image.getexif())
    check_transparent_color(image, content)
    spread_transparent_grey(image, content)
    return flattened(eight_bits(image))


def check_header(data: Buffer, mime: str) -> None:
    """Raises what decode() would, as far as no pixel must be known; but a WebP opens as a whole."""
    content = bytes(data)
    image = opened(content, mime)
    check_rotation(Image.Image.getexif(image))  # for its own getexif() a PNG is decoded
    check_transparent_color(image, content)


def opened(content: bytes, mime: str) -> Image.Image:
    if mime == JPEG:
        check_repeats(content)
    image = DECODERS[mime](BytesIO(content))
    check_size(image, content)
    return image


def check_repeats(content: bytes) -> None:
    """Scans go over all pixels, for as little as 99 bytes each; cameras make up to 20 of them.

    EXIF data is put together by copying all that came before: 50 MB of it take 20 seconds.
    """
    for name, mark in REPEATED.items():
        count = content.count(mark)
        if count > MOST_REPEATS:
            raise LeftAloneError(f"{count} {name} are more than the {MOST_REPEATS} that are read")


def check_rotation(exif: Image.Exif) -> None:
    """Browsers turn such a picture, Blender doesn't: only the same bytes look the same in both."""
    if exif.get(ExifTags.Base.Orientation, UPRIGHT) != UPRIGHT:
        raise LeftAloneError("its EXIF data turns it in some viewers")


def check_transparent_color(image: Image.Image, content: bytes) -> None:
    """Of colours of 16 bits Pillow keeps the upper half, which tells too few of them apart."""
    deep = image.format == "PNG" and content[PNG_DEPTH_OFFSET] == DEEP
    if deep and image.mode == "RGB" and "transparency" in image.info:
        raise LeftAloneError("one of its colors, of 16 bits a channel, is transparent")


def spread_transparent_grey(image: Image.Image, content: bytes) -> None:
    """Pillow spreads greys of 2 and 4 bits over its 256, but not the one that is transparent."""
    if image.format == "PNG" and image.mode == "L" and "transparency" in image.info:
        lightest = (1 << content[PNG_DEPTH_OFFSET]) - 1
        image.info["transparency"] = (image.info["transparency"] & lightest) * OPAQUE // lightest


def check_size(image: Image.Image, content: bytes) -> None:
    """Pillow heeds the last header, the limit on pixels the first: 3 MB could cost 8 GB."""
    if image.size != picture_size(memoryview(content)):
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

    grey = np.asarray(image)
    picture = Image.fromarray((grey >> 8).astype(np.uint8)).convert("RGB")
    if "transparency" in image.info:
        opaque = grey != image.info["transparency"]
        picture.putalpha(Image.fromarray(opaque.astype(np.uint8) * OPAQUE))
    return picture


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


def is_palette(image: Image.Image) -> bool:
    """Small and of few colours: perhaps one a cell, as low-poly models have them."""
    width, height = image.size
    return width * height <= LARGEST_PALETTE and image.getcolors(MOST_COLORS) is not None


def likeness(one: Image.Image, other: Image.Image, *, as_seen: bool = False) -> float:
    """Peak signal-to-noise ratio of the colour, in decibels; alpha is never lossy.

    As seen, colour counts as much as its alpha shows of it.
    """
    mode = "RGBa" if as_seen else "RGB"
    difference = ImageChops.difference(one.convert(mode), other.convert(mode))
    histogram = difference.histogram()[:COLOR_HISTOGRAM]
    total = sum(count * (value % 256) ** 2 for value, count in enumerate(histogram))
    if total == 0:
        return PERFECT
    return 10 * math.log10(OPAQUE**2 * sum(histogram) / total)
