"""Into the storage, under names that tell the content: a key never changes what it holds."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from worker.database.records import Run, StoredObject
from worker.pipeline.delivery.depot import Depot
from worker.pipeline.delivery.ending import Full, Later, Over
from worker.pipeline.delivery.haul import Haul, Piece, is_waited_for
from worker.pipeline.delivery.links import MODEL
from worker.storage.content_type import content_type_of
from worker.storage.outcome import Put, StorageFull, StorageRefused
from worker.storage.protocol import NotPut
from worker.telemetry.steps import step

AT_ONCE = 3  # files of one job
# The database lets nobody remove a file for 15 minutes after it was announced.
IN_TIME = 14 * 60.0  # s
REMOVING = 5.0  # s until what is being removed at this moment is gone
UNREACHABLE = 30.0  # s
REFUSED = 600.0  # s: somebody must change something, and nothing is lost meanwhile
HASH_DIGITS = 16
# What is a safe part of a key everywhere; an app's own ids may be anything.
SAFE_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Kept:
    piece: Piece
    bucket: str
    key: str

    @property
    def content_type(self) -> str:
        """What a picture was found to be, whatever its address ends in."""
        return self.piece.facts.get("content_type") or content_type_of(self.key)


async def keep_all(depot: Depot, run: Run, haul: Haul) -> tuple[Kept, ...] | Later | Full | Over:
    planned = tuple(Kept(piece, depot.bucket, key_of(run, piece)) for piece in haul.pieces.values())
    objects = [StoredObject(file.bucket, file.key) for file in planned]
    # From before the question: whoever is stopped for an hour right after it uploads nothing more.
    in_time = asyncio.timeout_at(asyncio.get_running_loop().time() + IN_TIME)
    match await depot.engine.intend_objects(run, objects):
        case "fenced":
            return Over()
        case "busy":
            return Later("removing", REMOVING)
    try:
        async with in_time:
            await asyncio.sleep(0)  # where it is too late already, nothing is sent
            outcomes = await put_all(depot, planned)
    except TimeoutError:
        return Later("storage", UNREACHABLE, "the storage takes too long")
    return judge(haul, planned, outcomes, run.deadline_at)


def key_of(run: Run, piece: Piece) -> str:
    group = run.client_task_id or ""
    if not SAFE_GROUP.fullmatch(group):
        group = str(run.job_id)
    name = f"{piece.role}-{piece.sha256[:HASH_DIGITS]}.{piece.format}"
    return f"{run.user_id}/models/{group}/{name}"


@step("store")
async def put_all(depot: Depot, files: Sequence[Kept]) -> list[Put | NotPut]:
    """None goes on when another one fails unexpectedly: the files are gone a moment later."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def put(file: Kept) -> Put | NotPut:
        async with gate:
            return await depot.storage.put(
                file.bucket, file.key, file.piece.path, file.content_type
            )

    async with asyncio.TaskGroup() as group:
        puts = [group.create_task(put(file)) for file in files]
    return [each.result() for each in puts]


def judge(
    haul: Haul,
    files: Sequence[Kept],
    outcomes: Sequence[Put | NotPut],
    deadline: datetime | None = None,
) -> tuple[Kept, ...] | Later | Full:
    """A file that the bucket does not take, a large original say, is left out; never the model."""
    kept = []
    for file, outcome in zip(files, outcomes, strict=True):
        match outcome:
            case Put():
                kept.append(file)
            case StorageFull(why):
                return Full(why)
            case StorageRefused(why) as refused if may_be_left_out(file, refused, deadline):
                note_left_out(haul, file, why)
            case StorageRefused(why):
                log.error("storage_refuses", action="storage_refuses", why=why)
                return Later("storage_refuses", REFUSED, why)
            case _:
                return Later("storage", UNREACHABLE, outcome.why)
    return tuple(kept)


def may_be_left_out(file: Kept, refused: StorageRefused, deadline: datetime | None) -> bool:
    """One stray 4xx says nothing of a format that was paid for."""
    if refused.of_this_file:
        return file.piece.name != MODEL
    return not is_waited_for(file.piece.name, deadline)


def note_left_out(haul: Haul, file: Kept, why: str) -> None:
    text = f"{file.piece.role} as {file.piece.format}: the storage refuses it: {why}"
    haul.notes.setdefault("left_out", []).append(text)
