"""The GLB container: a header of 12 bytes, a JSON chunk, a BIN chunk, and perhaps others."""

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson

from worker.glb.errors import GlbError
from worker.glb.limits import MAX_CHUNKS, MAX_FILE_BYTES, MAX_JSON_BYTES

Buffer = bytes | bytearray | memoryview
Json = dict[str, Any]

MAGIC = b"glTF"
VERSION = 2
HEADER = struct.Struct("<4sII")
CHUNK_HEADER = struct.Struct("<II")
JSON_CHUNK = 0x4E4F534A
BIN_CHUNK = 0x004E4942


class UnwritableError(GlbError):
    """JSON may be read 1024 levels deep, but not be written so deep."""


class Chunk(NamedTuple):
    kind: int
    data: memoryview


class Container(NamedTuple):
    root: Json
    json: memoryview
    binary: memoryview
    extra: tuple[Chunk, ...]


def read_container(data: Buffer) -> Container:
    """Parse without copying: the BIN chunk stays a view of `data`."""
    view = memoryview(data).toreadonly().cast("B")
    check_header(view)
    chunks = list(read_chunks(view))
    if not chunks or chunks[0].kind != JSON_CHUNK:
        raise GlbError("chunk 0", "must be the JSON chunk")
    has_binary = len(chunks) > 1 and chunks[1].kind == BIN_CHUNK
    return Container(
        root=read_json(chunks[0].data),
        json=chunks[0].data,
        binary=chunks[1].data if has_binary else memoryview(b""),
        extra=tuple(chunks[2 if has_binary else 1 :]),
    )


def check_header(view: memoryview) -> None:
    if len(view) < HEADER.size:
        raise GlbError("header", f"{len(view)} bytes are too few: the file is truncated")
    magic, version, length = HEADER.unpack_from(view)
    if magic != MAGIC:
        raise GlbError("header", f"begins with {magic!r} instead of b'glTF': this is no GLB file")
    if version != VERSION:
        raise GlbError("header", f"version {version} of the format is not supported, only 2 is")
    if length != len(view):
        cause = "the file is truncated" if length > len(view) else "bytes follow the end"
        raise GlbError("header", f"says {length} bytes where there are {len(view)}: {cause}")
    if length > MAX_FILE_BYTES:
        raise GlbError("header", f"{length} bytes are over the limit of {MAX_FILE_BYTES}")


def read_chunks(view: memoryview) -> Iterator[Chunk]:
    offset = HEADER.size
    for number in range(MAX_CHUNKS):
        if offset == len(view):
            return
        if offset + CHUNK_HEADER.size > len(view):
            raise GlbError(f"chunk {number}", "its header is cut off")
        length, kind = CHUNK_HEADER.unpack_from(view, offset)
        start = offset + CHUNK_HEADER.size
        offset = start + length
        if offset > len(view):
            raise GlbError(f"chunk {number}", f"{length} bytes run over the end of the file")
        yield Chunk(kind, view[start:offset])
    raise GlbError(f"chunk {MAX_CHUNKS}", "there are too many chunks")


def read_json(text: memoryview) -> Json:
    if len(text) > MAX_JSON_BYTES:
        raise GlbError("JSON chunk", f"{len(text)} bytes are over the limit of {MAX_JSON_BYTES}")
    try:
        root = orjson.loads(bytes(text).rstrip(b"\0 \n"))
    except orjson.JSONDecodeError as error:
        raise GlbError("JSON chunk", str(error)) from None
    if not isinstance(root, dict):
        raise GlbError("JSON chunk", "must hold an object")
    return root


def write_container(root: Json, binary: Sequence[Buffer], extra: Sequence[Chunk] = ()) -> bytes:
    """Join everything in one copy. `binary` is the BIN chunk in pieces, padded by the caller."""
    pieces = list(chunk_pieces(JSON_CHUNK, [write_json(root)], b" "))
    if binary:
        pieces += chunk_pieces(BIN_CHUNK, binary, b"\0")
    for chunk in extra:
        pieces += chunk_pieces(chunk.kind, [chunk.data], b"\0")
    length = HEADER.size + sum(len(piece) for piece in pieces)
    return b"".join([HEADER.pack(MAGIC, VERSION, length), *pieces])


def write_json(value: object) -> bytes:
    try:
        return orjson.dumps(value)
    except (TypeError, RecursionError) as error:
        raise UnwritableError("JSON chunk", f"can't be written again: {error}") from None


def chunk_pieces(kind: int, parts: Sequence[Buffer], filler: bytes) -> Iterator[Buffer]:
    length = sum(len(part) for part in parts)
    padding = -length % 4
    yield CHUNK_HEADER.pack(length + padding, kind)
    yield from parts
    yield filler * padding
