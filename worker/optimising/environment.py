"""What a child knows of the world: no address of a database, no key of anybody."""

import os
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
ALGEBRA = {"OPENBLAS_NUM_THREADS": "1"}  # nothing here uses more
# Else glibc keeps what one picture gave back, and the next finds the limit on memory reached.
MEMORY = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_THRESHOLD_": str(4 << 20)}
# What the programs need to be found and to find their libraries.
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


def environment(own: Mapping[str, str] = os.environ) -> dict[str, str]:
    kept = {name: own[name] for name in KEPT if name in own}
    return kept | {"PYTHONPATH": str(ROOT)} | ALGEBRA | MEMORY
