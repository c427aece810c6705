"""What Draco data says of itself before it is decoded: format 2.2, which glTF asks for."""

from collections.abc import Iterator

MAGIC = b"DRACO\x02\x02\x01"  # and that it is a mesh
EDGEBREAKER, SEQUENTIAL = 1, 0
METHOD, FLAGS_HIGH, BODY = 8, 10, 11
HAS_METADATA = 0x80


def declared_faces(data: bytes) -> int | None:
    """None where it is said another way: in an older format, or after metadata."""
    if not data.startswith(MAGIC) or len(data) <= BODY or data[FLAGS_HIGH] & HAS_METADATA:
        return None
    if data[METHOD] == EDGEBREAKER:
        _, faces = varints(data, BODY + 1, 2)  # after the way of traversal, and the vertices
        return faces
    return next(varints(data, BODY, 1)) if data[METHOD] == SEQUENTIAL else None


def varints(data: bytes, start: int, count: int) -> Iterator[int]:
    """Seven bits a byte, the lowest first; what is cut off counts as zero."""
    for _ in range(count):
        value = shift = 0
        for byte in data[start : start + 10]:
            start += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < HAS_METADATA:
                break
        yield value
