"""What both storages can do. An object never changes: its key names its content."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

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

NotPut = StorageFull | StorageRefused | StorageUnreachable
NotThere = Missing | StorageRefused | StorageUnreachable


class Storage(Protocol):
    async def put(self, bucket: str, key: str, path: Path, content_type: str) -> Put | NotPut:
        """Never overwrites; a repeated call finds what the first one stored."""
        ...

    async def read_to(
        self, bucket: str, key: str, target: Path, most_bytes: int
    ) -> Read | TooLarge | NotThere:
        """`target` is of use only after `Read`."""
        ...

    async def remove(
        self, bucket: str, keys: Sequence[str]
    ) -> Removed | StorageRefused | StorageUnreachable:
        """What was gone before counts as removed. A key that is not named still exists."""
        ...

    async def copy(
        self, bucket: str, key: str, to_bucket: str, to_key: str
    ) -> Put | Missing | NotPut: ...

    async def sign(self, bucket: str, key: str, seconds: int) -> str | NotThere:
        """An address that opens without any header until it expires."""
        ...

    def url(self, bucket: str, key: str) -> str:
        """For whoever may read the object; needs the reader's own token; never expires."""
        ...

    def public_url(self, bucket: str, key: str) -> str:
        """For everybody, if the bucket is public."""
        ...

    async def close(self) -> None: ...
