"""Makes a GLB smaller without losing anything of it: bytes in, bytes and a report out.

This package knows nothing of the rest of the worker. It imports numpy and the codecs only when
there is something to do.
"""

from worker.glb.checks import Findings, check
from worker.glb.errors import GlbError
from worker.glb.optimize import Result, optimize
from worker.glb.options import Options, Preset
from worker.glb.report import Report

__all__ = [
    "Findings",
    "GlbError",
    "Options",
    "Preset",
    "Report",
    "Result",
    "check",
    "optimize",
]
