"""How one file fared."""

from dataclasses import dataclass

from worker.glb.report import Report
from worker.offline.errands import Errand


@dataclass(frozen=True, slots=True)
class Success:
    errand: Errand
    report: Report


@dataclass(frozen=True, slots=True)
class Failure:
    errand: Errand
    error: str


Outcome = Success | Failure
