"""A request got no answer. The provider's own list says whether it was accepted.

Whether the job has ended meanwhile changes nothing: what may have been bought must be found.
"""

import asyncio

import structlog

from worker.pipeline import other_key
from worker.pipeline.held import Held, Tools
from worker.pipeline.journal import task_of
from worker.pipeline.position import (
    Drained,
    Ending,
    Fail,
    Fresh,
    Leave,
    Lost,
    Pause,
    Position,
    Wait,
    Watched,
)
from worker.providers.failure import Failure, Kind, Next
from worker.providers.outcome import Listing
from worker.providers.reconciliation import Absent, Adopt, NotYet, Unclear, reconcile
from worker.telemetry.steps import step

AGAIN_AFTER = 15.0  # s, when the list could not be read, or does not tell
FIRST_LOOK_AFTER = 3.0  # s: lists lag
# A list that shows a task which may or may not be ours will not tell more later.
UNCLEAR_AT_MOST = 8

Verdict = Adopt | Absent | NotYet | Unclear

log = structlog.get_logger()


@step("search")
async def search(tools: Tools, held: Held, lost: Lost) -> Position | Ending:
    await asyncio.sleep(FIRST_LOOK_AFTER)
    unclear = 0
    while unclear < UNCLEAR_AT_MOST:
        found = await look(tools, held, lost)
        if isinstance(found, Failure):
            if found.next is Next.PAUSE and not held.draining:
                return Pause(found)
            if held.draining and other_key.is_long_ago(lost.gave_up_at):
                break
            await asyncio.sleep(AGAIN_AFTER)
            continue
        verdict, listing = found
        if lost.other_key and not isinstance(verdict, Adopt):
            return await other_key.leave_to_its_key(held, lost.gave_up_at, Drained("absent"))
        match await adopt(tools, held, lost, verdict) if isinstance(verdict, Adopt) else verdict:
            case Absent():
                return await prove_absent(tools, held, lost, listing)
            case NotYet(seconds):
                await asyncio.sleep(seconds)
            case Unclear():
                unclear += 1
                await asyncio.sleep(AGAIN_AFTER)
            case position_or_ending:
                return position_or_ending
    return give_up(held)


async def look(tools: Tools, held: Held, lost: Lost) -> tuple[Verdict, Listing] | Failure:
    listing = await tools.provider.search(lost.step, lost.sent_at)
    if isinstance(listing, Failure):
        return listing
    shown = [sighting.task.id for sighting in listing.sightings]
    claimed = await tools.engine.claimed_tasks(held.run.provider, shown)
    return reconcile(listing, claimed, lost.gave_up_at), listing


async def adopt(
    tools: Tools, held: Held, lost: Lost, found: Adopt
) -> Position | Ending | NotYet | Unclear:
    """Another run may have been quicker, or be about to be: the list is looked at again."""
    outcome = await tools.engine.adopt_task(held.run, lost.n, found.task.id)
    log.info("task_adopted", action="task_adopted", run=held.run.id, outcome=outcome)
    match outcome:
        case "ok" | "draining":
            task = task_of({"resource": lost.step.resource}, found.task.id)
            return Watched(lost.n, lost.step.name, task, lost.done)
        case "claimed":
            return NotYet(0)
        case "not_yet":
            return NotYet(AGAIN_AFTER)
        case "ambiguous":
            return Unclear("another lost request asked for what the list shows as the same")
        case _:
            return Leave()


async def prove_absent(tools: Tools, held: Held, lost: Lost, listing: Listing) -> Position | Ending:
    if held.draining:
        return Drained("absent", 0)
    match await tools.engine.record_absent(held.run, lost.n, listing.read_at):
        case "ok":
            return Fresh(lost.done)
        case "too_early":
            return Wait("too_early", AGAIN_AFTER)
        case _:
            return Leave()


def give_up(held: Held) -> Ending:
    """The operator is told; the user is charged nothing."""
    if held.draining:
        return Drained("absent")
    detail = "the provider's list does not tell whether the request was accepted"
    return Fail(Failure(Kind.SUBMISSION_UNKNOWN, detail), task_ended=False)
