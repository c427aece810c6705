"""Models in binary formats, and their older brothers in text."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from worker.optimising.kinds.sample import Sample, UnsoundError

FBX_MAGIC = b"Kaydara FBX Binary  \x00"
FBX_TEXT = b"; FBX"
FBX_FIRST_NODE = 27
FBX_WIDE_OFFSETS = 7500  # the version that made them 64 bits wide
MOST_FBX_NODES = 1000  # at the top; there are about a dozen

STL_HEAD = 84
STL_FACET = 50
STL_TAIL = 4096

BLEND_MAGICS = (b"BLENDER", b"\x1f\x8b", b"\x28\xb5\x2f\xfd")  # plain, or packed whole


def check_fbx(path: Path, sample: Sample) -> dict[str, Any]:
    if sample.head.lstrip().startswith(FBX_TEXT):
        return {}
    if not sample.head.startswith(FBX_MAGIC) or sample.size < FBX_FIRST_NODE:
        raise UnsoundError("it is no FBX file")
    with path.open("rb") as file:
        if not any(end == 0 for end in fbx_node_ends(file, sample.size)):
            raise UnsoundError("the FBX file is truncated")
    return {}


def fbx_node_ends(file: BinaryIO, size: int) -> Iterator[int]:
    """Each node at the top says where it ends; the last of them is 0."""
    file.seek(FBX_FIRST_NODE - 4)
    version = int.from_bytes(file.read(4), "little")
    width = 8 if version >= FBX_WIDE_OFFSETS else 4
    at = FBX_FIRST_NODE
    for _ in range(MOST_FBX_NODES):
        file.seek(at)
        end = file.read(width)
        if len(end) < width:
            return
        yield (after := int.from_bytes(end, "little"))
        if not at < after <= size:
            return
        at = after


def check_stl(path: Path, sample: Sample) -> dict[str, Any]:
    """By its size first: many a binary one begins with `solid` as well."""
    if sample.size >= STL_HEAD:
        (facets,) = struct.unpack_from("<I", sample.head, STL_HEAD - 4)
        if facets and sample.size == STL_HEAD + STL_FACET * facets:
            return {"triangles": facets}
    if not sample.head.lstrip().startswith(b"solid") or b"facet" not in sample.head:
        raise UnsoundError("it is no STL file, or its length is not what it says")
    with path.open("rb") as file:
        file.seek(max(0, sample.size - STL_TAIL))
        if b"endsolid" not in file.read():
            raise UnsoundError("the STL file is truncated")
    return {}


def check_blend(path: Path, sample: Sample) -> dict[str, Any]:
    del path
    if not sample.head.startswith(BLEND_MAGICS):
        raise UnsoundError("it is no Blender file")
    return {}
