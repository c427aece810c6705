"""How one file fared."""

from typing import NamedTuple

from worker.glb.report import Report
from worker.offline.errands import Errand


class Success(NamedTuple):
    errand: Errand
    report: Report


class Failure(NamedTuple):
    errand: Errand
    error: str


Outcome = Success | Failure
