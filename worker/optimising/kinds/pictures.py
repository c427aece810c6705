"""Pictures, by decoding them: what is cut off or damaged is found in no other way."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker.glb.limits import MAX_PIXELS
from worker.glb.picture_size import picture_size
from worker.optimising.kinds.sample import Sample, UnsoundError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile

MOST_LETTERS = 80
PNG, JPEG = b"\x89PNG", b"\xff\xd8"


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
    with opened(data) as image:
        image.load()
        width, height = image.size
        content_type = f"image/{image.format}".lower()
    return {"width": width, "height": height, "content_type": content_type}


def opened(data: bytes) -> "ImageFile":
    """By class: Image.open imports forty formats first, and has limits of its own.

    Nor does it make of a phone's JPEG with a second picture inside a file of another format.
    """
    from PIL.JpegImagePlugin import JpegImageFile  # noqa: PLC0415 - a model needs no decoder
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415 - as above
    from PIL.WebPImagePlugin import WebPImageFile  # noqa: PLC0415 - as above

    file = BytesIO(data)
    if data.startswith(PNG):
        return PngImageFile(file)
    return JpegImageFile(file) if data.startswith(JPEG) else WebPImageFile(file)


def words(error: Exception) -> str:
    """Short and printable: a parser's message may quote the file."""
    text = "".join(letter for letter in str(error) if letter.isprintable())
    return text[:MOST_LETTERS] or type(error).__name__
