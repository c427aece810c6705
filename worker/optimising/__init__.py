"""What strangers made is looked at in processes that may die.

Every file of a delivery is checked, the model made smaller, a user's picture prepared for its
provider. `Optimisers` starts one child process (`python -m worker.optimising`) per model or
picture. A crash, a want of memory or a hang then costs that delivery its optimisation, or that
order its picture, not the worker its life.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from worker.optimising.outcome import (
    Code,
    Optimised,
    Outcome,
    Sound,
    Unchecked,
    Unoptimised,
    Unsound,
    Verdict,
)
from worker.optimising.processors import processors

if TYPE_CHECKING:
    from worker.optimising.optimisers import Optimisers, OptimisersClosedError

__all__ = [
    "Code",
    "Optimised",
    "Optimisers",
    "OptimisersClosedError",
    "Outcome",
    "Sound",
    "Unchecked",
    "Unoptimised",
    "Unsound",
    "Verdict",
    "processors",
]


def __getattr__(name: str) -> Any:
    """The child passes through here too, and needs neither asyncio nor the log."""
    if name not in ("Optimisers", "OptimisersClosedError"):
        raise AttributeError(name)
    return getattr(import_module(f"{__name__}.optimisers"), name)
