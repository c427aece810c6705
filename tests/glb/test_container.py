import struct

import pytest

from tests.glb.build import one_mesh
from worker.glb import GlbError
from worker.glb.container import read_container, write_container

SOUND = one_mesh().data()


def patched(offset: int, value: int) -> bytes:
    return SOUND[:offset] + struct.pack("<I", value) + SOUND[offset + 4 :]


def test_what_is_written_is_read_again() -> None:
    """JSON, binary data and chunks of other kinds survive a round trip, padding apart."""
    read = read_container(SOUND)
    again = read_container(write_container(read.root, [read.binary], read.extra))
    assert again.root == read.root
    assert again.binary == read.binary


def test_foreign_chunks_are_kept() -> None:
    """A chunk that we know nothing of comes out as it went in."""
    extra = SOUND + struct.pack("<II", 4, 0x1234) + b"abcd"
    data = extra[:8] + struct.pack("<I", len(extra)) + extra[12:]
    (chunk,) = read_container(data).extra
    assert (chunk.kind, bytes(chunk.data)) == (0x1234, b"abcd")


def test_the_binary_chunk_is_no_copy() -> None:
    """Reading a large file costs no second one in memory."""
    assert read_container(SOUND).binary.obj is SOUND


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "header: 0 bytes are too few"),
        (SOUND[:11], "header: 11 bytes are too few"),
        (b"glTX" + SOUND[4:], "this is no GLB file"),
        (patched(4, 1), "version 1"),
        (SOUND[:-8], "the file is truncated"),
        (SOUND + b"\0\0\0\0", "bytes follow the end"),
        (patched(12, 0xFFFFFFF0), "chunk 0: 4294967280 bytes run over the end"),
        (patched(16, 0), "chunk 0: must be the JSON chunk"),
        (patched(20, 0), "JSON chunk: "),
        (patched(8, 12)[:12], "chunk 0: must be the JSON chunk"),
    ],
)
def test_a_broken_container_is_named(data: bytes, problem: str) -> None:
    """Truncated files and wrong headers are refused in words that say where."""
    with pytest.raises(GlbError, match=problem):
        read_container(data)


def as_glb(text: bytes) -> bytes:
    text += b" " * (-len(text) % 4)
    return struct.pack("<4sIIII", b"glTF", 2, len(text) + 20, len(text), 0x4E4F534A) + text


@pytest.mark.parametrize(
    "text",
    [
        b"[" * 200_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        b"[]",
        b"\xff\xfe",
        b'{"asset": NaN}',
    ],
)
def test_hostile_json_is_refused(text: bytes) -> None:
    """Deep nesting, wrong types and broken text end in an error, not in a crash."""
    with pytest.raises(GlbError, match="JSON chunk"):
        read_container(as_glb(text))


def test_what_nests_too_deep_to_be_written_is_said() -> None:
    """What can be read but not written is an error of the file, not of the program."""
    text = b'{"asset":{"extras":' + b"[" * 400 + b"]" * 400 + b"}}"
    root = read_container(as_glb(text)).root
    with pytest.raises(GlbError, match="can't be written again"):
        write_container(root, [])
