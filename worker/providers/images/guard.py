"""What a file must be before a single pixel of it is decoded."""

from collections.abc import Iterator
from io import BytesIO
from itertools import islice

from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from worker.providers.order import MOST_PICTURE_BYTES

# A JPEG is decoded at a fraction of its size: 50 million pixels, such as a phone's 8160 x 6120,
# cost 130 MiB, or 330 if progressive. The same as PNG cost 630 MiB and as WebP 820.
MAX_JPEG_PIXELS = 50_000_000
MAX_PIXELS = 25_000_000
MIN_SIDE = 20

# libjpeg walks the whole picture once a scan: 60 ms at 49 MP, 17 s for 300 scans of 75 bytes.
# Progressive photos have about 10, and as many again in each embedded preview.
MAX_JPEG_SCANS = 40
# Every chunk costs Pillow a turn of Python: 20 MB of empty ones took it 11 s.
MAX_PNG_CHUNKS = 20_000

Refusal = str
"""What is wrong with the picture and what to do about it."""


def open_picture(data: bytes) -> ImageFile | Refusal:
    """The picture with its header read, or why it is refused. May raise what Pillow raises."""
    if len(data) > MOST_PICTURE_BYTES:
        return f"{len(data):,} bytes are too many; send at most {MOST_PICTURE_BYTES:,}."
    if data.startswith(b"\xff\xd8\xff"):
        return _open_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _open_png(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        return _open_webp(data)
    return "not a PNG, JPEG or WebP file; convert it to one of these."


# The classes are called, not Image.open: that one warns or raises by limits of its own, which are
# global, and makes of a phone's JPEG with a second picture inside an MPO with two frames.


def _open_jpeg(data: bytes) -> ImageFile | Refusal:
    if data.count(b"\xff\xda") > MAX_JPEG_SCANS:
        return "has too many scans; save it anew as an ordinary JPEG."
    image = JpegImageFile(BytesIO(data))
    return _refuse_size(*image.size, MAX_JPEG_PIXELS) or image


def _open_png(data: bytes) -> ImageFile | Refusal:
    if any(islice(_png_chunks(data), MAX_PNG_CHUNKS, None)):
        return "has too many chunks; save it anew as an ordinary PNG."
    return _still(PngImageFile(BytesIO(data)))


def _png_chunks(data: bytes) -> Iterator[bytes]:
    at = 8
    while at + 8 <= len(data):
        yield data[at + 4 : at + 8]
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _open_webp(data: bytes) -> ImageFile | Refusal:
    """Pillow allots the whole canvas when it opens a WebP, so the size is read before."""
    canvas = _webp_canvas(data)
    if canvas is None:
        return "a WebP file without a picture; save it anew and send that."
    return _refuse_size(*canvas, MAX_PIXELS) or _still(WebPImageFile(BytesIO(data)))


def _webp_canvas(data: bytes) -> tuple[int, int] | None:
    match data[12:16]:
        case b"VP8X":
            return _little(data[24:27]) + 1, _little(data[27:30]) + 1
        case b"VP8L":
            bits = _little(data[21:25])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            return _little(data[26:28]) & 0x3FFF, _little(data[28:30]) & 0x3FFF
        case _:
            return None


def _little(data: bytes) -> int:
    return int.from_bytes(data, "little")


def _still(image: PngImageFile | WebPImageFile) -> ImageFile | Refusal:
    if image.is_animated:
        return "is an animation; send a single picture."
    return _refuse_size(*image.size, MAX_PIXELS) or image


def _refuse_size(width: int, height: int, limit: int) -> Refusal | None:
    if width * height > limit:
        return f"{width} x {height} pixels are too many; send at most {limit // 1_000_000} million."
    if min(width, height) < MIN_SIDE:
        return f"{width} x {height} pixels are too few; send at least {MIN_SIDE} on each side."
    return None
