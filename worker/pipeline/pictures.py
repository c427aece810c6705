"""A job's input images as bytes: providers never get an address of ours."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from worker.database.records import Run
from worker.fetching import Fetched, Fetcher, NotFetched, Reason
from worker.optimising import Code, Sound, Unchecked, Unsound, Verdict
from worker.optimising.optimisers import Optimisers
from worker.pipeline.disk import fault_of_disk
from worker.pipeline.workplace import workplace
from worker.providers.failure import Failure, Kind
from worker.providers.order import MOST_PICTURE_BYTES, Picture
from worker.storage.outcome import Missing, Read, TooLarge
from worker.storage.protocol import Storage

BUCKET = "inputs"
STAGES_WITH_PICTURES = ("GENERATE", "CONCEPT")
PAUSES = (0.0, 1.0)  # s, before each try
# s, for all of one run's: it holds a slot, of which its provider has a few for everybody.
FOREIGN_WITHIN = 60.0
NOT_TAKEN = "it must be a public https address of an image of at most 20 MB"
WORDS = {
    Reason.PASSING: "it can't be fetched; check the address, or upload the image",
    Reason.DEAD_LINK: "the address leads to no file; check it, or upload the image",
    Reason.REFUSED: NOT_TAKEN,
    Reason.TOO_LARGE: NOT_TAKEN,
    Reason.UNREADABLE: NOT_TAKEN,
}

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Image:
    """One of an order, as its job names it and as it lies here."""

    index: int
    told: Mapping[str, Any]
    file: Path

    @property
    def path(self) -> str | None:
        """In the bucket, if it is not on the web."""
        return self.told.get("path")

    def unreadable(self, why: str) -> Failure:
        return Failure(Kind.INVALID_REQUEST, f"images[{self.index}]: {why}", code="image")


class Pictures:
    def __init__(self, storage: Storage, fetcher: Fetcher, optimisers: Optimisers) -> None:
        self._storage = storage
        self._fetcher = fetcher
        self._optimisers = optimisers

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
        images = [Image(n, told, folder / str(n)) for n, told in enumerate(run.request["images"])]
        if failure := await self._bring_all(run, images):
            return failure
        pictures: list[Picture] = []
        for image in images:
            picture = await self._prepare(image)
            if isinstance(picture, Failure):
                return picture
            pictures.append(picture)
        return tuple(pictures)

    async def _prepare(self, image: Image) -> Picture | Failure:
        """One at a time, in a process with limits: a kilobyte may unfold to half a gigabyte."""
        target = image.file.with_suffix(".prepared")
        match await self._look_at(image, target):
            case Sound(facts):
                data = await asyncio.to_thread(target.read_bytes)
                return Picture(data, facts["content_type"], image.told.get("angle"))
            case Unsound(findings):
                return Failure(Kind.INVALID_REQUEST, "; ".join(findings), code="image")
            case Unchecked(Code.KILLED, _):
                return image.unreadable("it takes more memory than there is; send it smaller.")
            case Unchecked(code, why) if code.is_ours:
                return out_of_reach(why)
            case Unchecked(_, why):
                return image.unreadable(f"can't be read ({why}); save it anew and send that.")

    async def _look_at(self, image: Image, target: Path) -> Verdict:
        """Again if it was killed, perhaps for what others took; but a slot is held meanwhile."""
        verdict = await self._optimisers.prepare(image.file, target, image.index)
        if isinstance(verdict, Unchecked) and verdict.code is Code.KILLED:
            return await self._optimisers.prepare(image.file, target, image.index)
        return verdict

    async def _bring_all(self, run: Run, images: Sequence[Image]) -> Failure | None:
        """Our own first: what the storage takes is not counted against foreign servers."""
        for image in images:
            if image.path and (failure := await self._bring_own(run, image.path, image)):
                return failure
        return await self._bring_foreign([image for image in images if not image.path])

    async def _bring_own(self, run: Run, path: str, image: Image) -> Failure | None:
        if not path.startswith(f"{run.user_id}/"):  # our key opens everybody's folder
            return image.unreadable("it does not lie in the folder of the job's user")
        match await self._storage.read_to(BUCKET, path, image.file, MOST_PICTURE_BYTES):
            case Read():
                return None
            case Missing():
                return image.unreadable("there is no such file in the bucket inputs")
            case TooLarge(why):
                return image.unreadable(why)
            case outcome:
                return out_of_reach(f"the storage: {outcome.why}")

    async def _bring_foreign(self, images: Sequence[Image]) -> Failure | None:
        until = asyncio.get_running_loop().time() + FOREIGN_WITHIN
        for image in images:
            try:
                async with asyncio.timeout_at(until):
                    failure = await self._fetch(image)
            except TimeoutError:
                failure = image.unreadable(WORDS[Reason.PASSING])
            if failure:
                return failure
        return None

    async def _fetch(self, image: Image) -> Failure | None:
        """Its user typed it: what does not work in two tries will not work in an hour."""
        reason = Reason.PASSING
        for pause in PAUSES:
            await asyncio.sleep(pause)
            match await self._fetcher.fetch(image.told["url"], image.file, MOST_PICTURE_BYTES):
                case Fetched():
                    return None
                case NotFetched(why, reason):
                    # What a name leads to in somebody's network is for the operator alone.
                    log.info("image_not_fetched", action="image_not_fetched", why=why)
                    if reason is Reason.OURS:
                        return out_of_reach(why)
            if reason is not Reason.PASSING:
                break
        return image.unreadable(WORDS[reason])


def out_of_reach(why: str) -> Failure:
    """Not the user's fault, and nothing is bought yet: it is tried again."""
    return Failure(Kind.UNAVAILABLE, why)
