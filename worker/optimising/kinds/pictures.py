"""Pictures, by decoding them: what is cut off or damaged is found in no other way."""

from io import BytesIO
from pathlib import Path
from typing import Any

from worker.glb.limits import MAX_PIXELS
from worker.glb.picture_size import picture_size
from worker.optimising.kinds.sample import Sample, UnsoundError

MOST_LETTERS = 80
DECODERS = ("PNG", "JPEG", "WEBP")
CONTENT_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "MPO": "image/jpeg"}
DEFAULT_TYPE = "image/webp"


def check_picture(path: Path, sample: Sample) -> dict[str, Any]:
    """Its format is told, not required: a JPEG that is called .png is no damage."""
    del sample
    data = path.read_bytes()
    refuse_size(data)
    try:
        return decoded(data)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - Pillow raises whatever its parsers stumble over
        raise UnsoundError(f"the picture can't be decoded: {words(error)}") from None


def refuse_size(data: bytes) -> None:
    """Read from the header: Pillow allots the whole canvas when it opens a WebP."""
    size = picture_size(memoryview(data))
    if size is None:
        raise UnsoundError("it is no PNG, JPEG or WebP picture")
    width, height = size
    if not 0 < width * height <= MAX_PIXELS:
        raise UnsoundError(f"{width} x {height} pixels; a picture has 1 to {MAX_PIXELS:,}")


def decoded(data: bytes) -> dict[str, Any]:
    from PIL import Image  # noqa: PLC0415 - a model in text needs no decoder

    with Image.open(BytesIO(data), formats=DECODERS) as image:
        image.load()
        width, height = image.size
        content_type = CONTENT_TYPES.get(image.format or "", DEFAULT_TYPE)
    return {"width": width, "height": height, "content_type": content_type}


def words(error: Exception) -> str:
    """Short and printable: a parser's message may quote the file."""
    text = "".join(letter for letter in str(error) if letter.isprintable())
    return text[:MOST_LETTERS] or type(error).__name__
