"""A file of SQL: its path below `sql/`, its text, its checksum."""

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path


@dataclass(frozen=True)
class SqlFile:
    path: str
    text: str

    @cached_property
    def checksum(self) -> str:
        return sha256(self.text.encode()).hexdigest()


def read_sql(file: Path, root: Path) -> SqlFile:
    """Universal newlines: a checkout on Windows has the same checksums."""
    return SqlFile(file.relative_to(root).as_posix(), file.read_text(encoding="utf-8"))
