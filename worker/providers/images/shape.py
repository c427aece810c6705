"""What a picture becomes: upright, at most 2048 pixels long, in sRGB, as JPEG or PNG."""

from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, ImageCms
from PIL.Image import Resampling, Transpose
from PIL.ImageFile import ImageFile

from worker.providers.images.guard import MIN_SIDE, Refusal
from worker.providers.order import Angle, Picture

MAX_SIDE = 2048
JPEG_QUALITY = 90
MAX_PROFILE_BYTES = 4_000_000  # the biggest press profiles have under 3 MB

_FEW_GREYS = {"L;2": 3, "L;4": 15}  # how a PNG holds them: the lightest

_TURNS = {
    2: Transpose.FLIP_LEFT_RIGHT,
    3: Transpose.ROTATE_180,
    4: Transpose.FLIP_TOP_BOTTOM,
    5: Transpose.TRANSPOSE,
    6: Transpose.ROTATE_270,
    7: Transpose.TRANSVERSE,
    8: Transpose.ROTATE_90,
}


def encode(file: ImageFile, angle: Angle | None) -> Picture | Refusal:
    size = _fitted(*file.size)
    if min(size) < MIN_SIDE:
        return f"{file.width} x {file.height} pixels are too narrow; crop it nearer to a square."
    _spread_transparent_grey(file)
    turn, profile = _turn(file), file.info.get("icc_profile")
    small = _shrunk(file, size)
    colours, alpha = _in_srgb(_colours(small), profile), _alpha(small)
    if alpha is None:
        return Picture(_jpeg(_turned(colours, turn)), "image/jpeg", angle)
    colours.putalpha(alpha)
    return Picture(_png(_turned(colours, turn)), "image/png", angle)


def _fitted(width: int, height: int) -> tuple[int, int]:
    scale = min(1.0, MAX_SIDE / max(width, height))
    return round(width * scale), round(height * scale)


def _turn(file: ImageFile) -> Transpose | None:
    """Broken EXIF data is no reason to refuse a picture that can be seen."""
    try:
        return _TURNS.get(file.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - Pillow raises whatever its parser stumbles over
        return None


def _turned(image: Image.Image, turn: Transpose | None) -> Image.Image:
    return image if turn is None else image.transpose(turn)


def _shrunk(file: ImageFile, size: tuple[int, int]) -> Image.Image:
    """A JPEG is decoded at a half, a quarter or an eighth already: less memory, less time."""
    file.draft("", size)
    file.load()
    return _direct(file).resize(size, Resampling.LANCZOS, reducing_gap=3.0)


def _spread_transparent_grey(file: ImageFile) -> None:
    """Pillow spreads greys of 2 and 4 bits over its 256, but not the one that is transparent.

    Once loaded (reading a PNG's EXIF data loads it) the file no longer says how many it had.
    """
    lightest = next((_FEW_GREYS.get(str(tile.args)) for tile in file.tile), None)
    if lightest and "transparency" in file.info:
        file.info["transparency"] = (file.info["transparency"] & lightest) * 255 // lightest


def _direct(image: Image.Image) -> Image.Image:
    """Colours in place of a palette, of two bytes, of one colour that means transparent."""
    if image.mode.startswith("I"):
        return _from_16_bits(image)
    if "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert({"1": "L", "P": "RGB"}.get(image.mode, image.mode))


def _from_16_bits(image: Image.Image) -> Image.Image:
    deep = np.asarray(image)
    shallow = Image.fromarray((deep >> 8).astype(np.uint8))
    clear = image.info.get("transparency")
    if clear is not None:
        shallow.putalpha(Image.fromarray(np.where(deep == clear, 0, 255).astype(np.uint8)))
    return shallow


def _colours(image: Image.Image) -> Image.Image:
    return image.convert(image.mode.removesuffix("A"))


def _alpha(image: Image.Image) -> Image.Image | None:
    if not image.mode.endswith("A"):
        return None
    alpha = image.getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Without a profile, or with one that can't be used, the numbers are taken to be sRGB."""
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return image.convert("RGB")
    try:
        return _converted(image, profile)
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")


def _converted(image: Image.Image, profile: bytes) -> Image.Image:
    source = ImageCms.getOpenProfile(BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, image.mode, "RGB")
    return transform.apply(image)


def _jpeg(image: Image.Image) -> bytes:
    return _saved(image, "JPEG", quality=JPEG_QUALITY)


def _png(image: Image.Image) -> bytes:
    return _saved(image, "PNG")


def _saved(image: Image.Image, form: str, **options: int) -> bytes:
    bare = image.copy()
    bare.info = {}  # Pillow writes a JPEG's comment and a PNG's profile from here
    buffer = BytesIO()
    bare.save(buffer, form, **options)
    return buffer.getvalue()
