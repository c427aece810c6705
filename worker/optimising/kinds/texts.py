"""Models in text. Nothing at their end says that they are whole; the fetcher counts the bytes."""

import mmap
import re
from pathlib import Path
from typing import Any

from worker.optimising.kinds.sample import Sample, UnsoundError

VERTEX = re.compile(rb"^[ \t]*v[ \t]+[-+.\d]", re.MULTILINE)
FACE = re.compile(rb"^[ \t]*f[ \t]+[-\d]", re.MULTILINE)
MATERIAL = re.compile(rb"^[ \t]*newmtl[ \t]", re.MULTILINE)


def check_obj(path: Path, sample: Sample) -> dict[str, Any]:
    """The first face may come after megabytes of vertices, so the whole file is searched."""
    require(path, sample, "OBJ", vertex=VERTEX, face=FACE)
    return {}


def check_mtl(path: Path, sample: Sample) -> dict[str, Any]:
    require(path, sample, "MTL", material=MATERIAL)
    return {}


def require(path: Path, sample: Sample, kind: str, **lines: re.Pattern[bytes]) -> None:
    if b"\0" in sample.head:
        raise UnsoundError(f"it is no {kind} file: it is not text")
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        for what, line in lines.items():
            if not line.search(text):
                raise UnsoundError(f"the {kind} file has no {what}")
