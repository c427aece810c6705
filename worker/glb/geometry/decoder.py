"""A program of its own: decodes Draco data that strangers made, within limits on time and memory.

Its arguments are the seconds that it may take, and the bytes that it may answer with.

Native code can't be interrupted in a thread, and 11 kB of damaged data kept it busy for 9 seconds.
Reads for each mesh its length and its data, writes for each a line of JSON and arrays.
"""

import contextlib
import json
import resource
import struct
import sys
from typing import IO

import DracoPy  # type: ignore[import-not-found]
import numpy as np

LENGTH = struct.Struct("<I")
MEMORY = 4 << 30


def main() -> None:
    limit(resource.RLIMIT_CPU, int(sys.argv[1]))
    limit(resource.RLIMIT_AS, MEMORY)
    limit(resource.RLIMIT_CORE, 0)
    left = int(sys.argv[2])
    while head := sys.stdin.buffer.read(LENGTH.size):
        (length,) = LENGTH.unpack(head)
        left -= answer(sys.stdin.buffer.read(length), sys.stdout.buffer, left)


def limit(kind: int, most: int) -> None:
    """Not every system knows every limit."""
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (most, most))


def answer(data: bytes, out: IO[bytes], left: int) -> int:
    """How many bytes it took."""
    try:
        mesh = DracoPy.decode(data)
    except (DracoPy.FileTypeException, MemoryError, RuntimeError, ValueError) as error:
        return refuse(out, f"can't be decoded: {error}")
    if not hasattr(mesh, "faces"):
        return refuse(out, "holds points, not triangles")
    found = {attribute["unique_id"]: attribute["data"] for attribute in mesh.attributes}
    arrays = (mesh.faces, *found.values())
    size: int = sum(array.nbytes for array in arrays)
    if size > left:
        return refuse(out, "makes, with what came before it, too many bytes")
    say(out, ids=list(found))
    for array in arrays:
        np.save(out, array, allow_pickle=False)
    return size


def refuse(out: IO[bytes], why: str) -> int:
    say(out, error=why)
    return 0


def say(out: IO[bytes], **facts: object) -> None:
    out.write(json.dumps(facts).encode() + b"\n")


if __name__ == "__main__":
    main()
