"""Files and keys that no other test has."""

from functools import cache
from pathlib import Path
from random import Random
from uuid import uuid4

GLB = "model/gltf-binary"
MIB = 1024 * 1024
LARGE = 2 * 6 * MIB + 12_345  # two whole pieces and a rest


def new_key() -> str:
    return f"{uuid4()}/models/{uuid4()}/model-0123456789abcdef.glb"


@cache
def content_of(size: int) -> bytes:
    return Random(size).randbytes(size)  # noqa: S311 - the same in each run


def new_file(folder: Path, size: int) -> Path:
    path = folder / f"{uuid4()}.glb"
    path.write_bytes(content_of(size))
    return path
