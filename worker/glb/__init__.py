"""Makes a GLB smaller without losing anything of it: bytes in, bytes and a report out.

This package knows nothing of the rest of the worker. It imports numpy and the codecs only when
there is something to do.

Start-up is most of a small file's time. So its records are named tuples: to define a frozen
dataclass takes a millisecond, five times as long, and there are thirty.
"""

from typing import TYPE_CHECKING, Any

from worker.glb.errors import GlbError
from worker.glb.optimize import Result, optimize
from worker.glb.options import Options, Preset
from worker.glb.report import Report

if TYPE_CHECKING:
    from worker.glb.checks import Findings, check

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


def __getattr__(name: str) -> Any:
    """What only looks at a file is imported by those who want to look."""
    if name not in ("Findings", "check"):
        raise AttributeError(name)
    from worker.glb import checks  # noqa: PLC0415 - optimising needs none of it

    return getattr(checks, name)
