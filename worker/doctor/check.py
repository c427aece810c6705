"""A check: one small look at one thing."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from worker.doctor.examined import Examined
from worker.doctor.finding import Finding

Look = Callable[[Examined], Awaitable[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    group: str
    name: str
    look: Look
    needs: tuple[str, ...] = ()
    """Names of checks; where one of them fails, this one is skipped."""


@dataclass(frozen=True, slots=True)
class Checked:
    check: Check
    finding: Finding
    seconds: float
