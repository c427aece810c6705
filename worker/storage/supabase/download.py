"""An object into a file, piece by piece, up to a limit."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx

from worker.storage.address import authenticated_path
from worker.storage.outcome import Read, TooLarge
from worker.storage.supabase.answer import wrong_answer
from worker.storage.supabase.connection import Connection
from worker.storage.supabase.wrong import Wrong

PIECE = 1024 * 1024
LONGEST_ERROR = 16 * 1024
KEPT = ("retry-after",)
AS_IT_IS = {"accept-encoding": "identity"}


async def download(
    connection: Connection, bucket: str, key: str, target: Path, most_bytes: int
) -> Read | TooLarge | Wrong:
    url = connection.project + authenticated_path(bucket, key)
    async with connection.http.stream("GET", url, headers=AS_IT_IS) as answer:
        if answer.status_code != httpx.codes.OK:
            return wrong_answer(await _short(answer))
        with target.open("wb") as file:
            return await _fill(file.write, answer, most_bytes)


async def _fill(
    write: Callable[[bytes], int], answer: httpx.Response, most_bytes: int
) -> Read | TooLarge:
    size = 0
    async for piece in answer.aiter_raw(PIECE):
        size += len(piece)
        if size > most_bytes:
            return TooLarge(f"the object is larger than {most_bytes:,} bytes")
        await asyncio.to_thread(write, piece)
    return Read(size)


async def _short(answer: httpx.Response) -> httpx.Response:
    """An error's beginning: nobody knows how long it is."""
    content = b""
    async for piece in answer.aiter_raw(LONGEST_ERROR):
        content = piece
        break
    headers = {name: answer.headers[name] for name in KEPT if name in answer.headers}
    return httpx.Response(
        answer.status_code, headers=headers, content=content, request=answer.request
    )
