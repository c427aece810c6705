"""The beginning of a file, its size, and what no model and no picture begins with."""

import os
from dataclasses import dataclass
from pathlib import Path

from worker.optimising.brevity import brief

HEAD_BYTES = 1 << 12
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
HTML = (b"<!doctype html", b"<html", b"<head", b"<body")
XML = (b"<?xml", b"<error", b"<soap")


class UnsoundError(Exception):
    """The file is not to be delivered. It never leaves the child: there it becomes findings."""

    def __init__(self, *findings: str) -> None:
        self.findings = tuple(map(brief, findings))
        super().__init__("; ".join(self.findings))


@dataclass(frozen=True, slots=True)
class Sample:
    head: bytes
    size: int

    @classmethod
    def of(cls, data: bytes) -> "Sample":
        return cls(data[:HEAD_BYTES], len(data))

    @classmethod
    def read(cls, path: Path) -> "Sample":
        with path.open("rb") as file:
            return cls(file.read(HEAD_BYTES), os.fstat(file.fileno()).st_size)

    def refuse_empty(self) -> None:
        if not self.size:
            raise UnsoundError("it is empty")

    def refuse_pages(self) -> None:
        """What a web server says instead of a file."""
        start = self.head.removeprefix(BYTE_ORDER_MARK).lstrip().lower()
        if start.startswith(HTML):
            raise UnsoundError("it is an HTML page")
        if start.startswith(XML):
            raise UnsoundError("it is an XML document")
        if start.startswith((b"{", b"[")):
            raise UnsoundError("it is a JSON document")
