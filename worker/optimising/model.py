"""One model, in the child: checked first, then made smaller."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from worker.glb.errors import GlbError
from worker.glb.optimize import optimize as make_smaller
from worker.glb.options import Options, Preset
from worker.optimising.brevity import brief
from worker.optimising.errand import Optimise
from worker.optimising.kinds.glb import triangles_of
from worker.optimising.kinds.sample import Sample, UnsoundError
from worker.optimising.outcome import Code
from worker.optimising.telling import told_of

Say = Callable[[Mapping[str, Any]], None]


def optimise(errand: Optimise, say: Say) -> None:
    data = Path(errand.source).read_bytes()
    try:
        triangles = triangles_of(Sample.of(data), data)
    except UnsoundError as error:
        say({"unsound": error.findings})
        return
    say({"checked": {"bytes_before": len(data), "triangles": triangles}})
    try:
        result = make_smaller(data, Options(preset=Preset(errand.preset), threads=errand.threads))
    except GlbError as error:
        say({"failed": Code.REFUSED, "why": brief(str(error))})
        return
    try:
        Path(errand.target).write_bytes(result.data)
    except OSError as error:
        say({"failed": Code.DISK, "why": f"the result can't be written: {error.strerror}"})
        return
    say({"optimised": told_of(result, triangles)})
