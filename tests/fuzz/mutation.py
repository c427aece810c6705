"""Hostile files, made of sound ones: a sound file with one to four things wrong."""

import json
import random
import struct
from collections.abc import Callable, Iterator
from typing import Any

HEADER, CHUNK_HEAD = 12, 8
JSON_CHUNK, BIN_CHUNK = 0x4E4F534A, 0x004E4942
DEEP = 2000
MOST_MUTATIONS = 4
HOSTILE_NUMBERS = (
    *(-1, 0, 1, 2, 3, 4, 7, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**53, 2**63, 2**64),
    *(0.5, -0.0, 1e-320, 1e308, -1e308, True, None),
)
HOSTILE_VALUES: tuple[Any, ...] = (
    *("", "POSITION", "data:,", "data:image/png;base64,AAAA", "../../etc/passwd", "\x00", "é" * 99),
    *([], {}, [[]], [None], [0] * 500, {"extensions": {}}, {"": 0}, [-1], [2**40]),
)
COMPONENT_TYPES = (5120, 5121, 5122, 5123, 5125, 5126, 5124, 5130)
TYPES = ("SCALAR", "VEC2", "VEC3", "VEC4", "MAT2", "MAT3", "MAT4")
Place = tuple[Any, Any]  # a list or an object, and the index or name in it


def mutated(data: bytes, source: random.Random) -> bytes:
    for _ in range(source.randint(1, MOST_MUTATIONS)):
        data = source.choice(MUTATIONS)(data, source)
    return data


def truncated(data: bytes, source: random.Random) -> bytes:
    return data[: source.randint(0, len(data))]


def head_changed(data: bytes, source: random.Random) -> bytes:
    """A byte of the header or of the first chunk's."""
    return byte_changed(data, source.randrange(HEADER + CHUNK_HEAD), source)


def bytes_changed(data: bytes, source: random.Random) -> bytes:
    for _ in range(source.randint(1, 16)):
        data = byte_changed(data, source.randrange(max(len(data), 1)), source)
    return data


def byte_changed(data: bytes, place: int, source: random.Random) -> bytes:
    return data[:place] + bytes([source.randrange(256)]) + data[place + 1 :]


def run_changed(data: bytes, source: random.Random) -> bytes:
    """A stretch that says nothing, or infinities, or not a number."""
    word = source.choice((b"\0\0\0\0", b"\xff\xff\xff\xff", b"\0\0\x80\x7f", b"\0\0\xc0\x7f"))
    start = source.randrange(max(len(data), 1)) & ~3
    length = 4 * source.randint(1, 64)
    return data[:start] + (word * 64)[:length] + data[start + length :]


def json_changed(data: bytes, source: random.Random) -> bytes:
    """One value of the JSON replaced, taken out, or set somewhere else as well."""
    parts = taken_apart(data)
    if parts is None:
        return data
    root, binary = parts
    places = list(places_of(root))
    if not places:
        return data
    owner, name = source.choice(places)
    source.choice((replace, replace, replace, remove, copy_elsewhere, bury))(
        (owner, name), source.choice(places), source
    )
    return put_together(root, binary)


def replace(place: Place, _: Place, source: random.Random) -> None:
    owner, name = place
    value = owner[name]
    if name == "componentType":
        owner[name] = source.choice(COMPONENT_TYPES)
    elif name == "type":
        owner[name] = source.choice(TYPES)
    elif isinstance(value, int | float) and source.random() < 0.5:
        owner[name] = value + source.choice((-2, -1, 1, 2, 1000))
    elif isinstance(value, int | float):
        owner[name] = source.choice(HOSTILE_NUMBERS)
    else:
        owner[name] = source.choice(HOSTILE_NUMBERS + HOSTILE_VALUES)


def remove(place: Place, _: Place, __: random.Random) -> None:
    owner, name = place
    del owner[name]


def copy_elsewhere(place: Place, other: Place, _: random.Random) -> None:
    owner, name = place
    copied = json.loads(json.dumps(owner[name]))
    elsewhere, where = other
    elsewhere[where] = copied


def bury(place: Place, __: Place, source: random.Random) -> None:
    """In as many brackets as make a recursive reader fall."""
    owner, name = place
    for _ in range(source.choice((3, 120, DEEP))):
        owner[name] = [owner[name]]


def places_of(value: Any) -> Iterator[Place]:
    """Level by level, without recursion: what was buried once may be met again."""
    waiting = [value]
    while waiting:
        owner = waiting.pop()
        inside = list(owner.items() if isinstance(owner, dict) else enumerate(owner))
        for name, child in inside:
            yield owner, name
            if isinstance(child, dict | list):
                waiting.append(child)


def taken_apart(data: bytes) -> tuple[Any, bytes] | None:
    if len(data) < HEADER + CHUNK_HEAD:
        return None
    (length,) = struct.unpack_from("<I", data, HEADER)
    start = HEADER + CHUNK_HEAD
    try:
        root = json.loads(data[start : start + length])
    except (ValueError, RecursionError):
        return None
    return (root, data[start + length + CHUNK_HEAD :]) if isinstance(root, dict) else None


def put_together(root: Any, binary: bytes) -> bytes:
    try:
        text = json.dumps(root).encode()
    except RecursionError:
        text = b'{"asset":' + b"[" * DEEP + b"]" * DEEP + b"}"
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), JSON_CHUNK) + text
    if binary:
        chunks += struct.pack("<II", len(binary), BIN_CHUNK) + binary
    return struct.pack("<4sII", b"glTF", 2, HEADER + len(chunks)) + chunks


Mutation = Callable[[bytes, random.Random], bytes]
MUTATIONS: tuple[Mutation, ...] = (
    truncated,
    head_changed,
    bytes_changed,
    run_changed,
    *[json_changed] * 8,  # what passes for a file gets furthest
)
