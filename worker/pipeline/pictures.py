"""A job's input images as bytes: providers never get an address of ours."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog

from worker.database.records import Run
from worker.fetching import Fetched, Fetcher, NotFetched, Reason
from worker.pipeline.disk import fault_of_disk
from worker.pipeline.workplace import workplace
from worker.providers.failure import Failure, Kind
from worker.providers.images import prepare_picture
from worker.providers.order import Picture
from worker.storage.outcome import Missing, Read, TooLarge
from worker.storage.protocol import Storage

BUCKET = "inputs"
MOST_BYTES = 20_000_000
STAGES_WITH_PICTURES = ("GENERATE", "CONCEPT")
PAUSES = (0.0, 1.0, 5.0)  # s, before each try
WORDS = {
    Reason.PASSING: "it can't be fetched; check the address, or upload the image",
    Reason.DEAD_LINK: "the address leads to no file; check it, or upload the image",
    Reason.REFUSED: "it must be a public https address of an image of at most 20 MB",
}

log = structlog.get_logger()


class Pictures:
    def __init__(self, storage: Storage, fetcher: Fetcher) -> None:
        self._storage = storage
        self._fetcher = fetcher

    async def read(self, run: Run) -> tuple[Picture, ...] | Failure:
        if run.stage not in STAGES_WITH_PICTURES or not run.request.get("images"):
            return ()
        try:
            async with workplace() as folder:
                return await self._read_all(run, folder)
        except OSError as error:
            if why := fault_of_disk(error):
                return out_of_reach(why)
            raise

    async def _read_all(self, run: Run, folder: Path) -> tuple[Picture, ...] | Failure:
        pictures: list[Picture] = []
        for index, image in enumerate(run.request["images"]):
            picture = await self._read(run, image, index, folder / str(index))
            if isinstance(picture, Failure):
                return picture
            pictures.append(picture)
        return tuple(pictures)

    async def _read(
        self, run: Run, image: Mapping[str, Any], index: int, target: Path
    ) -> Picture | Failure:
        if failure := await self._bring(run, image, index, target):
            return failure
        data = await asyncio.to_thread(target.read_bytes)
        return await asyncio.to_thread(prepare_picture, data, index, image.get("angle"))

    async def _bring(
        self, run: Run, image: Mapping[str, Any], index: int, target: Path
    ) -> Failure | None:
        path = image.get("path")
        if path is None:
            return await self._bring_foreign(image["url"], index, target)
        if not path.startswith(f"{run.user_id}/"):  # our key opens everybody's folder
            return unreadable(index, "it does not lie in the folder of the job's user")
        return await self._bring_stored(path, index, target)

    async def _bring_foreign(self, url: str, index: int, target: Path) -> Failure | None:
        """Its user typed it: what does not work after a few tries will not work in an hour."""
        reason = Reason.PASSING
        for pause in PAUSES:
            await asyncio.sleep(pause)
            match await self._fetcher.fetch(url, target, MOST_BYTES):
                case Fetched():
                    return None
                case NotFetched(why, reason):
                    # What a name leads to in somebody's network is for the operator alone.
                    log.info("image_not_fetched", action="image_not_fetched", why=why)
                    if reason is Reason.OURS:
                        return out_of_reach(why)
            if reason is not Reason.PASSING:
                break
        return unreadable(index, WORDS[reason])

    async def _bring_stored(self, path: str, index: int, target: Path) -> Failure | None:
        match await self._storage.read_to(BUCKET, path, target, MOST_BYTES):
            case Read():
                return None
            case Missing():
                return unreadable(index, "there is no such file in the bucket inputs")
            case TooLarge(why):
                return unreadable(index, why)
            case outcome:
                return out_of_reach(f"the storage: {outcome.why}")


def out_of_reach(why: str) -> Failure:
    """Not the user's fault, and nothing is bought yet: it is tried again."""
    return Failure(Kind.UNAVAILABLE, why)


def unreadable(index: int, why: str) -> Failure:
    return Failure(Kind.INVALID_REQUEST, f"images[{index}]: {why}", code="image")
