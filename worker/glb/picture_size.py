"""Width and height from the first bytes of a PNG, JPEG or WebP, without decoding anything."""

import struct
from collections.abc import Callable, Iterator

Size = tuple[int, int]
# Before the size stand metadata, in segments of up to 64 kB; a million empty ones cost a second.
MOST_SEGMENTS = 10_000
STARTS_OF_FRAME = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def picture_size(data: memoryview) -> Size | None:
    """None where the format is another, or the header is not what it should be."""
    for magic, read in READERS.items():
        if bytes(data[: len(magic)]) == magic:
            try:
                return read(data)
            except (struct.error, IndexError):
                return None
    return None


def png_size(data: memoryview) -> Size:
    width, height = struct.unpack_from(">II", data, 16)
    return width, height


def jpeg_size(data: memoryview) -> Size | None:
    for marker, offset in jpeg_segments(data):
        if marker in STARTS_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, offset + 3)
            return width, height
    return None


def jpeg_segments(data: memoryview) -> Iterator[tuple[int, int]]:
    offset = 2
    for _ in range(MOST_SEGMENTS):
        if offset + 4 > len(data) or data[offset] != 0xFF:  # noqa: PLR2004 - begins every marker
            return
        marker = data[offset + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a byte of padding
            offset += 1
            continue
        yield marker, offset + 2
        offset += 2 + struct.unpack_from(">H", data, offset + 2)[0]


def webp_size(data: memoryview) -> Size | None:
    match bytes(data[12:16]):
        case b"VP8X":
            width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
        case b"VP8L":
            bits = int.from_bytes(data[21:25], "little")
            width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        case b"VP8 ":
            width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", data, 26))
        case _:
            return None
    return width, height


READERS: dict[bytes, Callable[[memoryview], Size | None]] = {
    b"\x89PNG": png_size,
    b"\xff\xd8": jpeg_size,
    b"RIFF": webp_size,
}
