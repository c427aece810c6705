"""The GLB: made smaller in a process of its own, or delivered as it came."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import structlog

from worker.database.records import Run
from worker.optimising import Optimised, Sound, Unoptimised, Unsound
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.haul import Fault, Haul, Piece

log = structlog.get_logger()


async def make_small(depot: Depot, run: Run, haul: Haul, glb: Piece) -> None:
    target = glb.path.with_name("optimised.glb")
    outcome = await depot.optimisers.optimise(glb.path, target, run.settings["optimise_preset"])
    match outcome:
        case Optimised(report):
            await keep_smaller(run, haul, glb, target, outcome)
            if report.get("left_alone"):
                haul.notes["left_alone"] = report["left_alone"]
        case Unoptimised(code, why):
            log.warning("not_optimised", action="not_optimised", run=run.id, code=code, why=why)
            haul.notes["not_optimised"] = {"code": code, "why": why}
            await keep_as_it_came(depot, haul, glb, outcome)
        case Unsound(findings):
            haul.drop(glb.name, Fault.DAMAGED, "; ".join(findings))


async def keep_smaller(run: Run, haul: Haul, glb: Piece, target: Path, outcome: Optimised) -> None:
    facts = {"triangles": outcome.report["triangles"]}
    small = await asyncio.to_thread(piece_of, target, facts)
    haul.keep(small)
    if small.sha256 != glb.sha256 and run.settings["keep_original_days"] > 0:
        before = {"triangles": outcome.report["triangles_before"]}
        haul.keep(replace(glb, role="original", facts=before))
    haul.notes["bytes_before"] = glb.bytes


def piece_of(path: Path, facts: dict[str, int]) -> Piece:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Piece("model", "glb", path, path.stat().st_size, digest.hexdigest(), facts)


async def keep_as_it_came(depot: Depot, haul: Haul, glb: Piece, outcome: Unoptimised) -> None:
    """The process may have died before it had looked at all of it: another one looks only."""
    facts = {"triangles": outcome.report["triangles"]} if outcome.checked else {}
    if not outcome.checked:
        verdict = (await depot.optimisers.check([(glb.path, "glb")]))[0]
        if isinstance(verdict, Unsound):
            haul.drop(glb.name, Fault.DAMAGED, "; ".join(verdict.findings))
            return
        facts = dict(verdict.facts) if isinstance(verdict, Sound) else {}
    haul.keep(replace(glb, facts=facts))
