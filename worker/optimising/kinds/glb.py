"""A GLB, by the optimiser's own checks."""

from pathlib import Path
from typing import Any

from worker.glb.errors import GlbError
from worker.optimising.kinds.sample import Sample, UnsoundError


def check_glb(path: Path, sample: Sample) -> dict[str, Any]:
    return {"triangles": triangles_of(sample, path.read_bytes())}


def triangles_of(sample: Sample, data: bytes) -> int:
    """Unsound is what the optimiser can't parse, and what shows nothing: no warning ever is."""
    from worker.glb.checks.primitives import primitive_facts  # noqa: PLC0415 - brings numpy
    from worker.glb.optimize import read  # noqa: PLC0415 - as above

    sample.refuse_empty()
    sample.refuse_pages()
    try:
        primitives = primitive_facts(read(data).document)
    except GlbError as error:
        raise UnsoundError(str(error)) from None
    triangles = sum(facts.triangles for facts in primitives if "POSITION" in facts.attributes)
    if not triangles:
        raise UnsoundError("it has no triangle")
    return triangles
