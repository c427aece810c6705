"""A job's input images as bytes: providers never get an address of ours."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from worker.database.records import Run
from worker.pipeline.fetch import NotFetched, fetch
from worker.providers.failure import Failure, Kind
from worker.providers.images import prepare_picture
from worker.providers.order import Picture
from worker.storage.outcome import Missing, Read, StorageRefused, StorageUnreachable, TooLarge
from worker.storage.protocol import Storage

BUCKET = "inputs"
MOST_BYTES = 20_000_000
MOST_STORED_BYTES = 20 * 1024 * 1024  # the bucket's own limit
IN_TIME = 60.0  # s an image
STAGES_WITH_PICTURES = ("GENERATE", "CONCEPT")


class Pictures:
    def __init__(self, storage: Storage, client: httpx.AsyncClient) -> None:
        self._storage = storage
        self._client = client

    async def read(self, run: Run) -> tuple[Picture, ...] | Failure:
        if run.stage not in STAGES_WITH_PICTURES:
            return ()
        pictures: list[Picture] = []
        for index, image in enumerate(run.request.get("images") or ()):
            picture = await self._read(image, index)
            if isinstance(picture, Failure):
                return picture
            pictures.append(picture)
        return tuple(pictures)

    async def _read(self, image: Mapping[str, Any], index: int) -> Picture | Failure:
        data = await self._bytes_of(image, index)
        if isinstance(data, Failure):
            return data
        return await asyncio.to_thread(prepare_picture, data, index, image.get("angle"))

    async def _bytes_of(self, image: Mapping[str, Any], index: int) -> bytes | Failure:
        if path := image.get("path"):
            return await self._stored(path, index)
        return await self._fetched(image["url"], index)

    async def _stored(self, path: str, index: int) -> bytes | Failure:
        with TemporaryDirectory(prefix="meshqueue-") as folder:
            target = Path(folder) / "image"
            match await self._storage.read_to(BUCKET, path, target, MOST_STORED_BYTES):
                case Read():
                    return await asyncio.to_thread(target.read_bytes)
                case Missing():
                    return unreadable(index, "there is no such file in the bucket inputs")
                case TooLarge(why):
                    return unreadable(index, why)
                case StorageRefused(why) | StorageUnreachable(why):
                    return Failure(Kind.UNAVAILABLE, f"images[{index}]: {why}")

    async def _fetched(self, url: str, index: int) -> bytes | Failure:
        with TemporaryDirectory(prefix="meshqueue-") as folder:
            target = Path(folder) / "image"
            try:
                async with asyncio.timeout(IN_TIME):
                    fetched = await fetch(self._client, url, target, MOST_BYTES)
            except TimeoutError:
                return unreadable(index, "it takes too long to fetch")
            if isinstance(fetched, NotFetched):
                return unreadable(index, fetched.why)
            return await asyncio.to_thread(target.read_bytes)


def unreadable(index: int, why: str) -> Failure:
    return Failure(Kind.INVALID_REQUEST, f"images[{index}]: {why}", code="image")
