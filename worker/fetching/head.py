"""What an answer says about its body."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_SPAN = re.compile(r"bytes +(\d{1,18})-(\d{1,18})/(\d{1,18})", re.IGNORECASE)
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_LONGEST_TYPE = 100


@dataclass(frozen=True, slots=True)
class Span:
    first: int
    last: int
    total: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Head:
    status: int
    lines: dict[str, str]

    @property
    def leads_on(self) -> bool:
        return self.status in _REDIRECTS and bool(self.location)

    @property
    def location(self) -> str:
        return self.lines.get("location", "")

    @property
    def length(self) -> int | None:
        """Of what is transferred, packed if it is packed."""
        announced = self.lines.get("content-length", "")
        return int(announced) if announced.isascii() and announced.isdigit() else None

    @property
    def has_an_end(self) -> bool:
        """Otherwise it ends with the connection, and nobody knows whether it was cut."""
        return self.length is not None or "transfer-encoding" in self.lines

    @property
    def coding(self) -> str:
        said = self.lines.get("content-encoding", "").strip().lower()
        return "" if said == "identity" else said

    @property
    def content_type(self) -> str:
        """RFC 9110, 8.3: what is not named may be taken for a stream of octets."""
        said = self.lines.get("content-type", "").partition(";")[0].strip().lower()
        fit = said.isascii() and said.isprintable() and len(said) <= _LONGEST_TYPE
        return said if said and fit else "application/octet-stream"

    @property
    def version(self) -> str:
        """What If-Range may name: a weak ETag does not promise the same bytes."""
        tag = self.lines.get("etag", "")
        if tag:
            return tag if tag.startswith('"') else ""
        return self.lines.get("last-modified", "")

    @property
    def can_resume(self) -> bool:
        ranges = self.lines.get("accept-ranges", "").strip().lower()
        return ranges == "bytes" and bool(self.version) and not self.coding

    @property
    def span(self) -> Span | None:
        found = _SPAN.fullmatch(self.lines.get("content-range", "").strip())
        if not found:
            return None
        span = Span(*(int(each) for each in found.groups()))
        return span if span.first <= span.last < span.total else None


def read_head(status: int, raw: Iterable[tuple[bytes, bytes]]) -> Head:
    lines: dict[str, str] = {}
    for name, value in raw:
        key, said = name.decode("latin-1").lower(), value.decode("latin-1")
        lines[key] = f"{lines[key]}, {said}" if key in lines else said
    return Head(status, lines)
