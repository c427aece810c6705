"""FBX's binary container: a tree of named nodes with typed values (version 7.4)."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = 7400
HEAD = b"Kaydara FBX Binary  \0\x1a\0" + VERSION.to_bytes(4, "little")
NODE_HEAD = struct.Struct("<IIIB")  # the end, number and length of the values, length of the name
END_OF_LIST = bytes(NODE_HEAD.size)
COMPRESSED_FROM = 128  # bytes: shorter arrays lie there plainly

# A file's id, the time it was made and the mark at its end belong together; all writers that do
# not want to tell the time use the three that go with this one.
FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
CREATION_TIME = "1970-01-01 10:00:00:000"
END_MARK = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
LAST_MARK = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")


@dataclass(frozen=True)
class Long:
    """An object's id; other whole numbers are stored in 32 bits."""

    value: int


Array = NDArray[np.floating[Any]] | NDArray[np.int32]
Value = int | float | str | bytes | Long | Array


@dataclass(frozen=True)
class Node:
    name: str
    values: Sequence[Value] = ()
    children: Sequence["Node"] = ()


def node(name: str, *values: Value, children: Sequence[Node] = ()) -> Node:
    return Node(name, values, children)


def file(top: Sequence[Node]) -> bytes:
    body = bytearray(HEAD)
    for child in top:
        body += _stored(child, len(body))
    return bytes(body + END_OF_LIST + _end(len(body) + len(END_OF_LIST)))


def _end(offset: int) -> bytes:
    start = END_MARK + bytes(4)
    padding = 16 - (offset + len(start)) % 16
    return start + bytes(padding) + VERSION.to_bytes(4, "little") + bytes(120) + LAST_MARK


def _stored(stem: Node, offset: int) -> bytes:
    """Nodes say where they end in the file, so each must know where it begins."""
    name = stem.name.encode()
    values = b"".join(_value(value) for value in stem.values)
    content = bytearray(name + values)
    start = offset + NODE_HEAD.size
    for child in stem.children:
        content += _stored(child, start + len(content))
    if stem.children or not stem.values:
        content += END_OF_LIST
    head = NODE_HEAD.pack(start + len(content), len(stem.values), len(values), len(name))
    return head + bytes(content)


def _value(value: Value) -> bytes:
    match value:
        case Long(number):
            return b"L" + struct.pack("<q", number)
        case int():
            return b"I" + struct.pack("<i", value)
        case float():
            return b"D" + struct.pack("<d", value)
        case str():
            return _sized(b"S", value.encode())
        case bytes():
            return _sized(b"R", value)
        case _:
            return _array(value)


def _sized(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content


def _array(values: Array) -> bytes:
    kind, stored = (b"d", "<f8") if values.dtype.kind == "f" else (b"i", "<i4")
    plain = np.ascontiguousarray(values, stored).tobytes()
    packed = zlib.compress(plain, 1) if len(plain) >= COMPRESSED_FROM else plain
    head = struct.pack("<III", values.size, int(packed is not plain), len(packed))
    return kind + head + packed
