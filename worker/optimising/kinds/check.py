"""Which check belongs to which format."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from worker.optimising.kinds.archives import check_3mf, check_usdz
from worker.optimising.kinds.binaries import check_blend, check_fbx, check_stl
from worker.optimising.kinds.glb import check_glb
from worker.optimising.kinds.pictures import check_picture
from worker.optimising.kinds.sample import Sample, UnsoundError
from worker.optimising.kinds.texts import check_mtl, check_obj

Facts = dict[str, Any]
CHECKS: Mapping[str, Callable[[Path, Sample], Facts]] = {
    "glb": check_glb,
    "fbx": check_fbx,
    "obj": check_obj,
    "mtl": check_mtl,
    "stl": check_stl,
    "usdz": check_usdz,
    "3mf": check_3mf,
    "blend": check_blend,
    "png": check_picture,
    "jpg": check_picture,
    "jpeg": check_picture,
    "webp": check_picture,
}

MESHES = ("worker.glb.checks.primitives", "worker.glb.optimize")
DECODERS = ("PIL.JpegImagePlugin", "PIL.PngImagePlugin", "PIL.WebPImagePlugin")
NEEDS = {check_glb: MESHES, check_picture: DECODERS}


def prepare(kinds: Iterable[str]) -> None:
    """Imports what their checks import: numpy for a model, decoders for a picture."""
    checks = {CHECKS.get(kind.lower()) for kind in kinds}
    for name in (name for check, names in NEEDS.items() if check in checks for name in names):
        import_module(name)


def check_file(path: str, kind: str) -> Facts:
    """As the child says it. Of a format that is not known only the error pages are."""
    try:
        sample = Sample.read(Path(path))
        sample.refuse_empty()
        sample.refuse_pages()
        known = CHECKS.get(kind.lower())
        return {"sound": known(Path(path), sample) if known else {}}
    except UnsoundError as error:
        return {"unsound": error.findings}
