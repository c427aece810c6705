"""Fetches a job's files, and looks at each before anything else does."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import structlog

from worker.database.records import Run
from worker.fetching import Fetched, NotFetched, Reason
from worker.optimising import Sound, Unchecked, Unsound, Verdict
from worker.pipeline.delivery import model
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.ending import GiveUp, Later
from worker.pipeline.delivery.haul import Fault, Haul, Piece, fault_of, judge
from worker.pipeline.delivery.links import MODEL, Links, fresh_links
from worker.providers.outcome import Link
from worker.telemetry.steps import step

AT_ONCE = 4  # files of one job
PICTURE = "png"  # or JPEG or WebP: those who check look into it
PAUSES = (0.0, 2.0, 10.0)  # s, before each try
FAULTS = {
    Reason.PASSING: Fault.PASSING,
    Reason.DEAD_LINK: Fault.PASSING,
    # A CDN's incident page, one wrong answer of a name server: the files lie there for days.
    Reason.REFUSED: Fault.PASSING,
    Reason.TOO_LARGE: Fault.HOPELESS,
    Reason.UNREADABLE: Fault.HOPELESS,
    Reason.OURS: Fault.OURS,
}

log = structlog.get_logger()


async def bring_in(depot: Depot, run: Run, folder: Path) -> Haul | Later | GiveUp:
    haul = Haul()
    for number, pause in enumerate(PAUSES):
        await asyncio.sleep(pause)
        links = await fresh_links(depot, run)
        if not isinstance(links, Links):
            return links
        await bring_missing(depot, run, links, new_folder(folder, number), haul)
        if not haul.is_worth_another_try():
            break
        log.info("files_missing", action="files_missing", run=run.id, why=list(haul.left_out()))
    return judge(haul, run.deadline_at)


def new_folder(folder: Path, number: int) -> Path:
    made = folder / str(number)
    made.mkdir()
    return made


async def bring_missing(depot: Depot, run: Run, links: Links, folder: Path, haul: Haul) -> None:
    missing = [link for link in links.links if (link.role, link.format) not in haul.pieces]
    fetched = await fetch_all(depot, missing, folder)
    pieces = [piece for link in missing if (piece := noted(haul, link, fetched[link]))]
    others = [piece for piece in pieces if piece.name != MODEL]
    glb = next((piece for piece in pieces if piece.name == MODEL), None)
    async with asyncio.TaskGroup() as group:
        group.create_task(check(depot, haul, others))
        if glb is not None:
            group.create_task(model.make_small(depot, run, haul, glb))


@step("fetch")
async def fetch_all(
    depot: Depot, links: Sequence[Link], folder: Path
) -> dict[Link, Fetched | NotFetched]:
    gate = asyncio.Semaphore(AT_ONCE)
    fetched: dict[Link, Fetched | NotFetched] = {}

    async def fetch(number: int, link: Link) -> None:
        async with gate:
            fetched[link] = await depot.fetcher.fetch(link.url, folder / f"{number}.{link.format}")

    async with asyncio.TaskGroup() as group:
        for number, link in enumerate(links):
            group.create_task(fetch(number, link))
    return fetched


def noted(haul: Haul, link: Link, fetched: Fetched | NotFetched) -> Piece | None:
    if isinstance(fetched, NotFetched):
        haul.drop((link.role, link.format), FAULTS[fetched.reason], fetched.why)
        return None
    return Piece(link.role, link.format, fetched.path, fetched.bytes, fetched.sha256)


async def check(depot: Depot, haul: Haul, pieces: Sequence[Piece]) -> None:
    verdicts = await depot.optimisers.check([(piece.path, kind_of(piece)) for piece in pieces])
    for piece, verdict in zip(pieces, verdicts, strict=True):
        judge_piece(haul, piece, verdict)


def kind_of(piece: Piece) -> str:
    """What is no model is a picture, whatever its address ends in."""
    return piece.format if piece.role == "model" else PICTURE


def judge_piece(haul: Haul, piece: Piece, verdict: Verdict) -> None:
    match verdict:
        case Sound(facts):
            haul.keep(Piece(piece.role, piece.format, piece.path, piece.bytes, piece.sha256, facts))
        case Unsound(findings):
            haul.drop(piece.name, Fault.DAMAGED, "; ".join(findings))
        case Unchecked():
            haul.drop(piece.name, fault_of(verdict), verdict.why)
