"""Fetches files that providers made or users named: a place to start from, and one to end."""

import asyncio
from pathlib import Path

import httpx

from worker.fetching.address import Rules
from worker.fetching.download import Download
from worker.fetching.outcome import Fetched, NotFetched, Reason, passing
from worker.fetching.part import Part, UnwritableError
from worker.fetching.patience import PATIENCE, Patience
from worker.fetching.web import Internet, Web


class Fetcher:
    def __init__(
        self,
        most_bytes: int,
        plain_http_hosts: frozenset[str] = frozenset(),
        *,
        patience: Patience = PATIENCE,
        internet: Internet | None = None,
    ) -> None:
        self._most_bytes = most_bytes
        self._rules = Rules(plain_http_hosts)
        self._patience = patience
        self._writing = asyncio.Lock()
        self._web = Web(internet or Internet(), patience)

    async def fetch(
        self, url: str, target: Path, most_bytes: int | None = None
    ) -> Fetched | NotFetched:
        """The target is there afterwards if, and only if, all of the file is."""
        place = self._rules.read(url)
        if isinstance(place, NotFetched):
            return place
        most = self._most_bytes if most_bytes is None else most_bytes
        try:
            async with asyncio.timeout(self._patience.total):
                return await self._download(place, target, most)
        except TimeoutError:
            return passing(f"it took longer than {self._patience.total:g} s")
        except UnwritableError as error:
            return NotFetched(f"there is no writing it down: {error}", Reason.OURS)

    async def close(self) -> None:
        await self._web.close()

    async def _download(self, url: httpx.URL, target: Path, most: int) -> Fetched | NotFetched:
        part = Part(target, self._writing)
        outcome = None
        try:
            outcome = await Download(self._web, self._rules, part, most).run(url)
        finally:
            if not isinstance(outcome, Fetched):
                part.drop()
        return outcome
