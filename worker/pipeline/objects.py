"""Objects that go, and objects that everybody may see. The database says which."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from itertools import groupby
from uuid import UUID

import structlog

from worker.database.engine import Engine
from worker.database.records import FileToShow, Publication, StoredObject
from worker.pipeline.delivery.result import Place, urls_of
from worker.storage.outcome import Put, Removed, StorageRefused, StorageUnreachable
from worker.storage.protocol import Storage

AT_ONCE = 100  # objects a claim; claims hold for ten minutes
IN_TIME = 240.0  # s: whoever can't delete what was claimed within five minutes lets it be
TIMES_TOLD, TOLD_AGAIN_AFTER = 5, 1.0  # s
# A copy that comes later would lie in public after its asset was taken back, with nobody to know.
COPIED_IN_TIME = 14 * 60.0  # s

log = structlog.get_logger()


class Objects:
    def __init__(self, engine: Engine, storage: Storage) -> None:
        self._engine = engine
        self._storage = storage

    async def remove_due(self) -> None:
        while await self._remove_some() == AT_ONCE:
            pass

    async def _remove_some(self) -> int:
        until = asyncio.get_running_loop().time() + IN_TIME  # of all of them, from the question on
        claimed = await self._engine.claim_removals(AT_ONCE)
        for bucket, objects in by_bucket(claimed):
            await self._remove(bucket, objects, until)
        return len(claimed)

    async def _remove(self, bucket: str, objects: list[StoredObject], until: float) -> None:
        outcome = await self._asked_to_remove(bucket, [each.path for each in objects], until)
        if not isinstance(outcome, Removed):
            log.warning("not_removed", action="not_removed", bucket=bucket, why=outcome.why)
        match outcome:
            case StorageUnreachable():
                return  # it may still be at it: while the claims hold, nobody stores anything there
            case StorageRefused(why):
                await self._not_removed(objects, why)
                return
        gone = [each for each in objects if each.path in outcome.keys]
        await until_heard(partial(self._engine.removed, gone))
        if left := [each for each in objects if each not in gone]:
            await self._not_removed(left, "the storage says that it still exists")

    async def _asked_to_remove(
        self, bucket: str, paths: list[str], until: float
    ) -> Removed | StorageRefused | StorageUnreachable:
        try:
            async with asyncio.timeout_at(until):
                await asyncio.sleep(0)  # where it is too late already, nothing is asked
                return await self._storage.remove(bucket, paths)
        except TimeoutError:
            return StorageUnreachable("the storage takes too long")

    async def _not_removed(self, objects: list[StoredObject], why: str) -> None:
        await until_heard(partial(self._engine.not_removed, objects, why))

    async def publish(self, asset_id: UUID) -> None:
        """Or take back, as was wished last. Whoever fails is followed by another."""
        until = asyncio.get_running_loop().time() + COPIED_IN_TIME  # from the question on
        publication = await self._engine.begin_publication(asset_id)
        if publication is None:
            return
        copies = await self._copies_of(publication, until) if publication.wanted else ()
        if copies is None:
            return
        address = self._storage.public_url if publication.wanted else self._storage.url
        urls = urls_of(places_of(publication, copies), address)
        outcome = await self._engine.finish_publication(publication, urls, copies)
        log.info(
            "published" if publication.wanted else "unpublished",
            action="published" if publication.wanted else "unpublished",
            asset=str(asset_id),
            outcome=outcome,
        )

    async def _copies_of(
        self, publication: Publication, until: float
    ) -> tuple[StoredObject, ...] | None:
        try:
            async with asyncio.timeout_at(until):
                await asyncio.sleep(0)  # where it is too late already, nothing is asked
                return await self._copy_all(publication)
        except TimeoutError:
            log.warning("not_published", action="not_published", why="the storage takes too long")
            return None

    async def _copy_all(self, publication: Publication) -> tuple[StoredObject, ...] | None:
        for file, copy in zip(publication.files, publication.copies, strict=True):
            outcome = await self._storage.copy(file.bucket, file.path, copy.bucket, copy.path)
            if not isinstance(outcome, Put):
                log.warning("not_published", action="not_published", why=outcome.why)
                return None
        return publication.copies


async def until_heard(report: Callable[[], Awaitable[int]]) -> None:
    """Of all objects: until its claim ends nothing may be stored at an object's place."""
    for _ in range(TIMES_TOLD):
        if not await report():
            return
        await asyncio.sleep(TOLD_AGAIN_AFTER)
    log.warning("removal_unheard", action="removal_unheard")


def by_bucket(objects: Iterable[StoredObject]) -> Iterable[tuple[str, list[StoredObject]]]:
    ordered = sorted(objects, key=lambda each: each.bucket)
    for bucket, group in groupby(ordered, key=lambda each: each.bucket):
        yield bucket, list(group)


def places_of(publication: Publication, copies: tuple[StoredObject, ...]) -> list[Place]:
    shown: tuple[FileToShow | StoredObject, ...] = copies or publication.files
    return [
        (file.role, file.format, place.bucket, place.path)
        for file, place in zip(publication.files, shown, strict=True)
    ]
