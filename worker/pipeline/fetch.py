"""Fetches a file that a provider made: streamed to disk, within a size and a time."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import httpx

# Named by phase; `TOTAL` bounds a download that trickles.
TIMEOUTS = httpx.Timeout(connect=10, read=30, write=10, pool=60)
TOTAL = 600.0


@dataclass(frozen=True, slots=True)
class Fetched:
    path: Path
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class NotFetched:
    why: str
    dead_link: bool = False
    """Another link to the same file may work."""


async def fetch(
    client: httpx.AsyncClient, url: str, target: Path, most: int
) -> Fetched | NotFetched:
    try:
        async with client.stream("GET", url) as answer:
            if answer.status_code in (403, 404, 410):
                return NotFetched(f"the link answers {answer.status_code}", dead_link=True)
            if answer.status_code != httpx.codes.OK:
                return NotFetched(f"the link answers {answer.status_code}")
            return await write(answer, target, most)
    except httpx.HTTPError as error:
        return NotFetched(type(error).__name__)


async def write(answer: httpx.Response, target: Path, most: int) -> Fetched | NotFetched:
    digest, size = hashlib.sha256(), 0
    with target.open("wb") as file:
        async for chunk in answer.aiter_bytes():
            size += len(chunk)
            if size > most:
                return NotFetched(f"it is larger than {most} bytes")
            digest.update(chunk)
            file.write(chunk)
    announced = answer.headers.get("content-length")
    if (
        announced is not None
        and "content-encoding" not in answer.headers
        and size != int(announced)
    ):
        return NotFetched(f"it ended after {size} of {announced} bytes")
    if size == 0:
        return NotFetched("it is empty")
    return Fetched(target, size, digest.hexdigest())
