"""The GLB: made smaller in a process of its own, or delivered as it came."""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path

import structlog

from worker.database.records import Run
from worker.optimising import Optimised, Sound, Unchecked, Unoptimised, Unsound, Verdict
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.haul import Fault, Haul, Piece, fault_of
from worker.telemetry.steps import step

log = structlog.get_logger()


@step("optimise")
async def make_small(depot: Depot, run: Run, haul: Haul, glb: Piece) -> None:
    target = glb.path.with_name("optimised.glb")
    outcome = await depot.optimisers.optimise(glb.path, target, run.settings["optimise_preset"])
    match outcome:
        case Optimised():
            await keep_smaller(run, haul, glb, target, outcome)
        case Unoptimised(code, why) if code.hits_every_process:
            haul.drop(glb.name, Fault.OURS, why)
        case Unoptimised(code, why):
            log.warning("not_optimised", action="not_optimised", run=run.id, code=code, why=why)
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
    if left_alone := outcome.report.get("left_alone"):
        haul.notes["left_alone"] = left_alone


def piece_of(path: Path, facts: dict[str, int]) -> Piece:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Piece("model", "glb", path, path.stat().st_size, digest.hexdigest(), facts)


async def keep_as_it_came(depot: Depot, haul: Haul, glb: Piece, outcome: Unoptimised) -> None:
    """Only what passed the checks: a process that died before they ended has judged nothing."""
    match await verdict_on(depot, glb, outcome):
        case Sound(facts):
            haul.keep(replace(glb, facts=facts))
            haul.notes["not_optimised"] = {"code": outcome.code, "why": outcome.why}
        case Unsound(findings):
            haul.drop(glb.name, Fault.DAMAGED, "; ".join(findings))
        case Unchecked() as unchecked:
            haul.drop(glb.name, fault_of(unchecked), f"its check: {unchecked.why}")


async def verdict_on(depot: Depot, glb: Piece, outcome: Unoptimised) -> Verdict:
    """The optimiser's own where it came so far; else another process looks, and no more."""
    if outcome.checked:
        return Sound({"triangles": outcome.report["triangles"]})
    return (await depot.optimisers.check([(glb.path, "glb")]))[0]
