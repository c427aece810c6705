"""What every part of the bench needs."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.bench.glb.tools import Tools
from tests.bench.glb.workshop import Workshop
from tests.glb.conformance.judges import Judges


@dataclass(frozen=True)
class Models:
    """`ai`: as providers return them, textures and all; `packable`: with meshes worth packing."""

    every: Sequence[Path]
    ai: Sequence[Path]
    packable: Sequence[Path]
    textured: Sequence[Path]
    json_heavy: Path


@dataclass(frozen=True)
class Bench:
    models: Models
    tools: Tools
    shop: Workshop
    judges: Judges
    console: Console
    rounds: int
