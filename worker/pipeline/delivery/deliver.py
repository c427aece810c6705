"""Links → files, checked and made small → the storage → one transaction.

Everything before that transaction may be done again, by another worker, from the start: keys tell
the content, so what was stored before is found; what no row names in the end is removed.
"""

import asyncio
from pathlib import Path
from typing import assert_never

import structlog

from worker.database.records import Run
from worker.ending import end_tasks
from worker.pipeline.delivery.bringing import bring_in
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.ending import Ending, Full, GiveUp, Later, Over
from worker.pipeline.delivery.haul import Haul, not_here
from worker.pipeline.delivery.keeping import keep_all
from worker.pipeline.delivery.links import NO_MODEL, Links, fresh_links
from worker.pipeline.delivery.result import links_of, places_of, report_of, row_of, urls_of
from worker.pipeline.disk import fault_of_disk
from worker.pipeline.held import Held
from worker.pipeline.order import stages_before
from worker.pipeline.stage import code_of
from worker.pipeline.submission import facts_of
from worker.pipeline.workplace import workplace
from worker.providers.failure import Kind
from worker.providers.texts import explain

DEAR = ("fetch", "machine", "storage")  # files were fetched and optimised, and are again
# The provider may say so of every job.
ODD = (NO_MODEL, "lagging", Kind.NOT_FOUND, Kind.INVALID_REQUEST)
LONGEST = 300.0  # s, between two tries of either
AGAIN_WHEN_FULL = 300.0  # s; the database hands out one delivery in five minutes to try

log = structlog.get_logger()


async def deliver(depot: Depot, held: Held) -> str:
    """Ends as soon as its job does: nobody wants what it would still fetch and store."""
    work = asyncio.create_task(work_on(depot, held))
    over = asyncio.create_task(held.over.wait())
    try:
        await asyncio.wait({work, over}, return_when=asyncio.FIRST_COMPLETED)
        return work.result() if work.done() else "left"
    finally:
        await end_tasks([work, over])


async def work_on(depot: Depot, held: Held) -> str:
    if held.run.request.get("store_assets") is False:
        ending = await hand_on(depot, held.run)
    else:
        ending = await store_from_here(depot, held)
    return ending if isinstance(ending, str) else await conclude(depot, held, ending)


async def hand_on(depot: Depot, run: Run) -> str | Ending:
    """Nothing is stored: the owner sees the provider's own links, as long as they live."""
    links = await fresh_links(depot, run)
    if not isinstance(links, Links):
        return links
    return await depot.engine.finish_delivery(run, [], {}, {}, links_of(links))


async def store_from_here(depot: Depot, held: Held) -> str | Ending:
    """What the network or the storage says comes as a value: this is our own disk, full say."""
    try:
        async with workplace() as folder:
            return await store(depot, held, folder)
    except (OSError, ExceptionGroup) as error:
        if why := fault_of_disk(error):
            return not_here(why)
        raise


async def store(depot: Depot, held: Held, folder: Path) -> str | Ending:
    haul = await bring_in(depot, held.run, folder)
    if not isinstance(haul, Haul):
        return haul
    if never_made := left_out_by_stages(held.run):
        haul.notes.setdefault("left_out", []).extend(never_made)
    kept = await keep_all(depot, held.run, haul)
    if not isinstance(kept, tuple):
        return kept
    if held.run.probe:
        await depot.engine.resume_deliveries()
    outcome = await depot.engine.finish_delivery(
        held.run,
        [row_of(file) for file in kept],
        report_of(haul, kept),
        urls_of(places_of(kept), depot.storage.url),
    )
    return Later("removing", 5.0) if outcome == "busy" else outcome


def left_out_by_stages(run: Run) -> list[str]:
    return [
        text for stage in stages_before(run) for text in run.finished[stage].get("left_out", ())
    ]


async def conclude(depot: Depot, held: Held, ending: Ending) -> str:
    run = held.run
    match ending:
        case Later(reason, seconds, why):
            names = held.names()
            log.warning("delivery_waits", action="delivery_waits", reason=reason, why=why, **names)
            grown = later_and_later(seconds, run.attempt) if reason in (*DEAR, *ODD) else seconds
            return await wait(depot, run, reason, grown)
        case GiveUp(failure):
            return await depot.engine.fail(
                run, code_of(failure.kind), explain(failure), facts_of(failure), task_ended=True
            )
        case Full(why):
            log.error("storage_full", action="storage_full", why=why)
            await depot.engine.pause_deliveries("storage_full", {"why": why})
            return await wait(depot, run, "storage_full", AGAIN_WHEN_FULL)
        case Over():
            return "over"
    assert_never(ending)


def later_and_later(seconds: float, attempt: int) -> float:
    return max(seconds, min(seconds * 2.0 ** min(attempt - 1, 10), LONGEST))


async def wait(depot: Depot, run: Run, reason: str, seconds: float) -> str:
    return await depot.engine.wait(run, reason, seconds)
