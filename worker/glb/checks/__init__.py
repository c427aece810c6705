"""Looks at a GLB and says what is in it, what each part weighs, and what is wrong or wasteful."""

from worker.glb.checks.check import check
from worker.glb.checks.findings import Finding, Findings, PrimitiveFacts, TextureFacts

__all__ = ["Finding", "Findings", "PrimitiveFacts", "TextureFacts", "check"]
