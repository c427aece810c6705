"""Files in a folder, for local runs: the same buckets, keys and signed addresses as hosted."""

import asyncio
import errno
import shutil
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from worker.storage.address import authenticated_path, flaw_of, public_path, signed_path
from worker.storage.exclusive import copy_into_place
from worker.storage.outcome import (
    Missing,
    Put,
    Read,
    Removed,
    StorageFull,
    StorageRefused,
    StorageUnreachable,
    TooLarge,
)
from worker.storage.protocol import NotPut, NotThere
from worker.storage.token import Signer, kept_secret

NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR}


class FolderStorage:
    """Without `base_url` no HTTP face serves the folder, and addresses are those of the files."""

    def __init__(
        self, folder: Path, base_url: str | None = None, secret: bytes | None = None
    ) -> None:
        self.folder = folder
        self._base_url = None if base_url is None else base_url.rstrip("/")
        self._given_secret = secret

    @cached_property
    def signer(self) -> Signer:
        """The secret lies beside the folder, so that nothing which serves the folder shows it."""
        beside = self.folder.with_name(f"{self.folder.name}.secret")
        return Signer(self._given_secret or kept_secret(beside))

    def path(self, bucket: str, key: str) -> Path:
        """Raises ValueError for an address that no object can have."""
        if flaw := flaw_of(bucket, key):
            raise ValueError(flaw)
        home = self.folder.resolve() / bucket
        if not (home / key).resolve().is_relative_to(home):
            raise ValueError("the key leads out of the bucket")
        return home / key

    async def put(self, bucket: str, key: str, path: Path, content_type: str) -> Put | NotPut:
        """The type is known from the key's ending when the object is served."""
        del content_type
        return await asyncio.to_thread(self.keep, bucket, key, path)

    async def read_to(
        self, bucket: str, key: str, target: Path, most_bytes: int
    ) -> Read | TooLarge | NotThere:
        return await asyncio.to_thread(self._read_to, bucket, key, target, most_bytes)

    async def remove(
        self, bucket: str, keys: Sequence[str]
    ) -> Removed | StorageRefused | StorageUnreachable:
        return await asyncio.to_thread(self._remove, bucket, keys)

    async def copy(
        self, bucket: str, key: str, to_bucket: str, to_key: str
    ) -> Put | Missing | NotPut:
        source = await asyncio.to_thread(self.find, bucket, key)
        if isinstance(source, Missing):
            return source
        return await asyncio.to_thread(self.keep, to_bucket, to_key, source)

    async def sign(self, bucket: str, key: str, seconds: int) -> str | NotThere:
        return await asyncio.to_thread(self._sign, bucket, key, seconds)

    def url(self, bucket: str, key: str) -> str:
        return self._address(bucket, key, authenticated_path(bucket, key))

    def public_url(self, bucket: str, key: str) -> str:
        return self._address(bucket, key, public_path(bucket, key))

    async def close(self) -> None:
        """Nothing is held open."""

    def keep(self, bucket: str, key: str, source: Path) -> Put | NotPut:
        """`put`, for whoever runs in a thread of their own."""
        try:
            target = self.path(bucket, key)
            copy_into_place(source, target)
        except ValueError as error:
            return StorageRefused(str(error))
        except FileExistsError:
            return _recognised(source, target)
        except OSError as error:
            return _not_put(error)
        return Put(created=True)

    def find(self, bucket: str, key: str) -> Path | Missing:
        """The object's file."""
        try:
            path = self.path(bucket, key)
        except ValueError as error:
            return Missing(str(error))
        return path if path.is_file() else Missing(f"there is no such object in bucket {bucket}")

    def _read_to(
        self, bucket: str, key: str, target: Path, most_bytes: int
    ) -> Read | TooLarge | NotThere:
        path = self.find(bucket, key)
        if isinstance(path, Missing):
            return path
        try:
            if (size := path.stat().st_size) > most_bytes:
                return TooLarge(f"the object is larger than {most_bytes:,} bytes")
            shutil.copyfile(path, target)
        except FileNotFoundError:
            return Missing(f"there is no such object in bucket {bucket} any more")
        except OSError as error:
            return StorageUnreachable(_said(error))
        return Read(size)

    def _remove(self, bucket: str, keys: Sequence[str]) -> Removed | StorageUnreachable:
        try:
            for key in keys:
                path = self.find(bucket, key)
                if isinstance(path, Path):
                    path.unlink(missing_ok=True)
        except OSError as error:
            return StorageUnreachable(_said(error))
        return Removed(tuple(keys))

    def _sign(self, bucket: str, key: str, seconds: int) -> str | NotThere:
        path = self.find(bucket, key)
        if isinstance(path, Missing):
            return path
        token = self.signer.token(bucket, key, seconds)
        return self._address(bucket, key, signed_path(bucket, key, token))

    def _address(self, bucket: str, key: str, path: str) -> str:
        if self._base_url is None:
            return self.path(bucket, key).as_uri()
        return self._base_url + path


def _recognised(source: Path, target: Path) -> Put | NotPut:
    try:
        same = source.stat().st_size == target.stat().st_size
    except OSError as error:
        return StorageUnreachable(_said(error))
    if same:
        return Put(created=False)
    return StorageRefused("another object of another size already lies under this key")


def _not_put(error: OSError) -> NotPut:
    if error.errno in NO_ROOM:
        return StorageFull(f"{_said(error)}: make room on the disk of the storage's folder")
    if error.errno in NOT_ALLOWED:
        return StorageRefused(f"{_said(error)}: the worker must be able to write there")
    return StorageUnreachable(_said(error))


def _said(error: OSError) -> str:
    return f"{error.strerror or 'the file system failed'} ({error.filename or 'storage folder'})"
