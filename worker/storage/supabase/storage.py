"""What a storage does, done by a Supabase project."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import orjson

from worker.storage.address import authenticated_path, flaw_of, public_path
from worker.storage.outcome import (
    Missing,
    Put,
    Read,
    Removed,
    StorageRefused,
    StorageUnreachable,
    TooLarge,
)
from worker.storage.protocol import NotPut, NotThere
from worker.storage.supabase.advice import absence_of, refusal_of
from worker.storage.supabase.answer import answered, wrong_answer
from worker.storage.supabase.connection import Connection
from worker.storage.supabase.download import download
from worker.storage.supabase.patience import PATIENCE, Patience
from worker.storage.supabase.persistence import persist
from worker.storage.supabase.resumable import ResumableUpload
from worker.storage.supabase.upload import Order, upload_plainly
from worker.storage.supabase.wrong import Kind, Wrong, no_answer

LARGEST_PLAIN = 6_000_000
REMOVED_AT_ONCE = 100

T = TypeVar("T")


class SupabaseStorage:
    def __init__(self, url: str, key: str, patience: Patience = PATIENCE) -> None:
        self._connection = Connection(url, key, patience.phases)
        self._client = self._connection.client
        self._patience = patience

    async def put(self, bucket: str, key: str, path: Path, content_type: str) -> Put | NotPut:
        if flaw := flaw_of(bucket, key):
            return StorageRefused(flaw)
        size = (await asyncio.to_thread(path.stat)).st_size
        outcome = await self._store(Order(bucket, key, path, size, content_type))
        return outcome if isinstance(outcome, Put) else refusal_of(outcome, bucket)

    async def read_to(
        self, bucket: str, key: str, target: Path, most_bytes: int
    ) -> Read | TooLarge | NotThere:
        if flaw := flaw_of(bucket, key):
            return Missing(flaw)

        async def fetch() -> Read | TooLarge | Wrong:
            return await download(self._connection, bucket, key, target, most_bytes)

        outcome: Read | TooLarge | Wrong | StorageUnreachable
        outcome = await self._ask(fetch, most_bytes)
        return outcome if isinstance(outcome, Read | TooLarge) else absence_of(outcome, bucket)

    async def remove(
        self, bucket: str, keys: Sequence[str]
    ) -> Removed | StorageRefused | StorageUnreachable:
        removed: list[str] = []
        for start in range(0, len(keys), REMOVED_AT_ONCE):
            outcome = await self._remove(bucket, keys[start : start + REMOVED_AT_ONCE])
            if not isinstance(outcome, Removed):
                return outcome
            removed += outcome.keys
        return Removed(tuple(removed))

    async def copy(
        self, bucket: str, key: str, to_bucket: str, to_key: str
    ) -> Put | Missing | NotPut:
        if flaw := flaw_of(bucket, key):
            return Missing(flaw)
        if flaw := flaw_of(to_bucket, to_key):
            return StorageRefused(flaw)
        outcome = await self._ask(lambda: self._copy(bucket, key, to_bucket, to_key))
        if isinstance(outcome, Wrong) and outcome.kind is Kind.MISSING:
            return Missing(f"there is no such object in the bucket {bucket}")
        return outcome if isinstance(outcome, Put) else refusal_of(outcome, to_bucket)

    async def sign(self, bucket: str, key: str, seconds: int) -> str | NotThere:
        if flaw := flaw_of(bucket, key):
            return Missing(flaw)
        outcome = await self._ask(lambda: self._sign(bucket, key, seconds))
        return outcome if isinstance(outcome, str) else absence_of(outcome, bucket)

    def url(self, bucket: str, key: str) -> str:
        return self._connection.project + authenticated_path(bucket, key)

    def public_url(self, bucket: str, key: str) -> str:
        return self._connection.project + public_path(bucket, key)

    async def close(self) -> None:
        await self._connection.http.aclose()

    async def _ask(
        self, call: Callable[[], Awaitable[T | Wrong]], size: int = 0
    ) -> T | Wrong | StorageUnreachable:
        within = self._patience.overall(size)
        return await persist(self._patience, lambda: answered(call(), within))

    async def _store(self, order: Order) -> Put | Wrong | StorageUnreachable:
        if order.size > LARGEST_PLAIN:
            upload = ResumableUpload(self._connection, order, self._patience)
            outcome = await self._persist_with(upload.attempt, order, lambda: upload.whole_chunks)
            if not isinstance(outcome, Wrong) or outcome.kind is not Kind.NO_RESUMABLE:
                return outcome
        return await self._persist_with(
            lambda: upload_plainly(self._connection, order, self._patience), order
        )

    async def _persist_with(
        self,
        upload: Callable[[], Awaitable[Put | Wrong]],
        order: Order,
        progress: Callable[[], int] = int,
    ) -> Put | Wrong | StorageUnreachable:
        async def attempt() -> Put | Wrong:
            answer = await upload()
            if isinstance(answer, Wrong) and answer.kind is Kind.TAKEN:
                return await self._recognise(order.bucket, order.key, order.size)
            return answer

        return await persist(self._patience, attempt, progress)

    async def _recognise(self, bucket: str, key: str, size: int) -> Put | Wrong:
        """Most often our own, from an attempt whose answer was lost. A cut one has another size."""
        there = await answered(self._size(bucket, key), self._patience.overall())
        if isinstance(there, Wrong):
            gone = there.kind is Kind.MISSING
            return no_answer("the object lay there and is gone again") if gone else there
        if there == size:
            return Put(created=False)
        return Wrong(409, "Duplicate", f"it has {there} bytes, ours {size}")

    async def _size(self, bucket: str, key: str) -> int:
        found = await self._client.from_(bucket).info(key)
        return int(found["size"])

    async def _remove(
        self, bucket: str, keys: Sequence[str]
    ) -> Removed | StorageRefused | StorageUnreachable:
        """Users name their pictures as they like: such names go apart, and can't bar the others."""
        ours = [key for key in keys if flaw_of(bucket, key) is None]
        odd = [key for key in keys if key not in ours]
        named = await self._ask(lambda: self._removed(bucket, ours)) if ours else set()
        if not isinstance(named, set):
            return _no_removal(named, bucket)
        unnamed = [key for key in ours if key not in named]
        if unnamed and (hidden := await self._ask(lambda: self._hidden(bucket))):
            return _no_removal(hidden, bucket)
        still = {key for key in unnamed if await self._lies_there(bucket, key)}
        if odd and not isinstance(await self._ask(lambda: self._removed(bucket, odd)), set):
            still.update(odd)
        return Removed(tuple(key for key in keys if key not in still))

    async def _removed(self, bucket: str, keys: list[str]) -> set[str]:
        rows = await self._client.from_(bucket).remove(keys)
        return {row["name"] for row in rows}

    async def _hidden(self, bucket: str) -> Wrong | None:
        """From a weak key, such as the app's own: all its objects would seem to be gone, too."""
        answer = await self._connection.http.get(f"{self._connection.root}/bucket/{bucket}")
        return None if answer.is_success else wrong_answer(answer)

    async def _lies_there(self, bucket: str, key: str) -> bool:
        """An answer names neither what was gone before nor what this key may not remove."""
        found = await self._ask(lambda: self._size(bucket, key))
        return not (isinstance(found, Wrong) and found.kind is Kind.MISSING)

    async def _copy(self, bucket: str, key: str, to_bucket: str, to_key: str) -> Put | Wrong:
        """The client can't copy into another bucket."""
        body = {
            "bucketId": bucket,
            "sourceKey": key,
            "destinationBucket": to_bucket,
            "destinationKey": to_key,
        }
        answer = await self._post("/object/copy", body)
        if answer is None:
            there = await answered(self._size(to_bucket, to_key), self._patience.overall())
            if isinstance(there, Wrong):  # a page of somebody between us may look like a success
                gone = there.kind is Kind.MISSING
                return no_answer("the copy is not there") if gone else there
            return Put(created=True)
        if answer.kind is not Kind.TAKEN:
            return answer
        return await self._recognise(to_bucket, to_key, await self._size(bucket, key))

    async def _post(self, path: str, body: dict[str, Any]) -> Wrong | None:
        answer = await self._connection.http.post(
            self._connection.root + path,
            content=orjson.dumps(body),
            headers={"content-type": "application/json"},
        )
        return None if answer.is_success else wrong_answer(answer)

    async def _sign(self, bucket: str, key: str, seconds: int) -> str:
        signed = await self._client.from_(bucket).create_signed_url(key, seconds)
        if not (address := signed["signedURL"]):
            raise ValueError("an answer without an address")
        return address


def _no_removal(
    wrong: Wrong | StorageUnreachable, bucket: str
) -> StorageRefused | StorageUnreachable:
    outcome = absence_of(wrong, bucket)
    return StorageRefused(outcome.why) if isinstance(outcome, Missing) else outcome
