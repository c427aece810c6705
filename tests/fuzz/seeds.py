"""Sound files to begin with: small, and between them of every kind that the optimiser reads."""

from functools import cache

from tests.glb.conformance.scenes import SCENES
from worker.glb import Options, Preset, optimize

TOO_LARGE = "provider"


@cache
def seeds() -> dict[str, bytes]:
    plain = {name: scene() for name, scene in SCENES.items() if name != TOO_LARGE}
    packed = {f"packed {name}": pack(plain[name]) for name in ("seam", "skinned", "degenerate")}
    return plain | packed | {"pictures": pack(SCENES[TOO_LARGE]())}


def pack(data: bytes) -> bytes:
    return optimize(data, Options(preset=Preset.SMALL)).data
