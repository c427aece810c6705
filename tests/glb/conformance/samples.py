"""Files that are not ours to ship: those of a folder that whoever runs the tests names."""

import os
from pathlib import Path

VARIABLE = "MESHQUEUE_GLB_SAMPLES"


def samples() -> list[Path]:
    folder = os.environ.get(VARIABLE)
    return sorted(Path(folder).glob("*.glb")) if folder else []
