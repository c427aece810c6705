"""The upload in pieces (TUS 1.0): after any trouble it goes on where the server stands."""

import asyncio
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from worker.storage.outcome import Put
from worker.storage.supabase.answer import answered, wrong_answer
from worker.storage.supabase.connection import Connection
from worker.storage.supabase.patience import Patience
from worker.storage.supabase.upload import ONE_YEAR, Order
from worker.storage.supabase.wrong import NO_RESUMABLE, Kind, Wrong, no_answer

CHUNK = 6 * 1024 * 1024  # the platform takes no other size but for the last
PIECE = 256 * 1024
VERSION = {"tus-resumable": "1.0.0"}
PATCH = {**VERSION, "content-type": "application/offset+octet-stream"}
_ABSENT = {404, 405, 501}
_GONE = {404, 410}
_DIGITS = re.compile(r"\d{1,15}")


@dataclass(slots=True)
class ResumableUpload:
    """One attempt after the other continues it."""

    connection: Connection
    order: Order
    patience: Patience
    whole_chunks: int = 0
    """The most that were ever taken: it only grows, and not for ever."""
    _url: str | None = field(default=None, repr=False)  # whoever knows it can write there

    async def attempt(self) -> Put | Wrong:
        offset = await (self._create() if self._url is None else self._look())
        while isinstance(offset, int) and offset < self.order.size:
            self.whole_chunks = max(self.whole_chunks, offset // CHUNK)
            offset = await self._send(offset)
        if isinstance(offset, int):
            return Put(created=True)
        return offset

    async def _create(self) -> int | Wrong:
        headers = {
            **VERSION,
            "upload-length": str(self.order.size),
            "upload-metadata": _metadata(self.order),
            "x-upsert": "false",
        }
        answer = await self._ask("POST", f"{self.connection.root}/upload/resumable", headers)
        if isinstance(answer, httpx.Response):
            return self._begin(answer)
        if answer.status in _ABSENT and answer.kind is not Kind.NO_BUCKET:
            return Wrong(answer.status, NO_RESUMABLE, "this server can't do it")
        return answer

    def _begin(self, answer: httpx.Response) -> int | Wrong:
        name = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
        if not name or "?" in name:
            return no_answer("a resumable upload without an address")
        # Only its last part: behind a proxy the rest may be wrong, and the key goes to us alone.
        self._url = f"{self.connection.root}/upload/resumable/{name}"
        return 0

    async def _look(self) -> int | Wrong:
        """Where the server stands. If at the end, what lies there is looked at as any other's."""
        answer = await self._ask("HEAD", self._known_url, VERSION)
        if isinstance(answer, Wrong) and answer.kind is not Kind.PASSING:
            self._url = None  # an answer to HEAD has no body that says more: a new upload will
            return no_answer("the resumable upload can't be continued")
        if isinstance(answer, Wrong):
            return answer
        offset = _offset(answer, 0, self.order.size)
        if offset == self.order.size:
            self._url = None
            return Wrong(409, "Duplicate", "the upload was whole already")
        return no_answer("an offset that can't be") if offset is None else offset

    async def _send(self, offset: int) -> int | Wrong:
        length = min(CHUNK, self.order.size - offset)
        headers = {**PATCH, "upload-offset": str(offset), "content-length": str(length)}
        content = _part(self.order.path, offset, length)
        answer = await self._ask("PATCH", self._known_url, headers, content, length)
        if isinstance(answer, Wrong):
            return self._forget(answer)
        reached = _offset(answer, offset + 1, offset + length)
        return no_answer("an offset that can't be") if reached is None else reached

    async def _ask(
        self,
        method: str,
        url: str,
        headers: dict[str, str],
        content: AsyncIterator[bytes] | None = None,
        size: int = 0,
    ) -> httpx.Response | Wrong:
        call = self.connection.http.request(method, url, headers=headers, content=content)
        answer = await answered(call, self.patience.overall(size))
        if isinstance(answer, Wrong) or answer.is_success:
            return answer
        return wrong_answer(answer)

    def _forget(self, wrong: Wrong) -> Wrong:
        """An address that has expired, or another's offset: no reason to give up."""
        if wrong.status in _GONE and wrong.kind is not Kind.NO_BUCKET:
            self._url = None
            return no_answer("the address of the resumable upload has expired")
        if wrong.status == httpx.codes.CONFLICT and wrong.kind is not Kind.TAKEN:
            return no_answer("the server stands at another offset")
        return wrong

    @property
    def _known_url(self) -> str:
        if self._url is None:
            raise RuntimeError("the upload has no address yet")
        return self._url


def _metadata(order: Order) -> str:
    fields = {
        "bucketName": order.bucket,
        "objectName": order.key,
        "contentType": order.content_type,
        "cacheControl": ONE_YEAR,
    }
    return ",".join(
        f"{name} {b64encode(value.encode()).decode()}" for name, value in fields.items()
    )


def _offset(answer: httpx.Response, least: int, most: int) -> int | None:
    text = answer.headers.get("upload-offset", "")
    if not _DIGITS.fullmatch(text):
        return None
    return int(text) if least <= int(text) <= most else None


async def _part(path: Path, offset: int, length: int) -> AsyncIterator[bytes]:
    """Not as one: httpx keeps what was sent in a cycle, 50 MB of it until the next collection."""
    with path.open("rb") as file:
        file.seek(offset)
        while length and (piece := await asyncio.to_thread(file.read, min(PIECE, length))):
            length -= len(piece)
            yield piece
