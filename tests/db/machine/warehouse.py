"""The storage as it really is, whatever the database believes of it."""

from dataclasses import dataclass, field
from typing import Any

from tests.support.engine import Worker

File = dict[str, Any]


def name(file: File) -> str:
    return f"{file['bucket']} {file['path']}"


@dataclass
class Removal:
    """Claimed; its worker may delete it, and may report."""

    worker: Worker
    file: File
    done: bool = False


@dataclass
class Copying:
    """A publication that was begun, and which of its copies lie there."""

    worker: Worker
    wish: dict[str, Any]
    made: list[File] = field(default_factory=list)


@dataclass
class Warehouse:
    """What was intended or claimed may still be done, by whoever meant to, until it is too late."""

    objects: set[str] = field(default_factory=set)
    uploads: list[File] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    copying: list[Copying] = field(default_factory=list)

    def upload(self, file: File) -> None:
        self.uploads.remove(file)
        self.objects.add(name(file))

    def delete(self, removal: Removal) -> None:
        removal.done = True
        self.objects.discard(name(removal.file))

    def copy(self, copying: Copying) -> None:
        """A file whose original is gone can't be copied."""
        wish = copying.wish
        for file, copy in zip(wish["files"], wish["copies"], strict=False):
            if name(file) in self.objects and copy not in copying.made:
                self.objects.add(name(copy))
                copying.made.append(copy)
