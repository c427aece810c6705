"""What people read, and the snippets in it."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.support.cache import CHECKOUT

FENCE = re.compile(r"(?ms)^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$")


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    language: str
    text: str

    @property
    def name(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    readmes = [CHECKOUT / folder / "README.md" for folder in (".", "sql", "worker")]
    return [*readmes, *sorted(CHECKOUT.glob("docs/*.md"))]


@cache
def blocks() -> tuple[Block, ...]:
    return tuple(block for page in pages() for block in blocks_of(page))


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        snippet = textwrap.dedent(found["text"])
        yield Block(str(page.relative_to(CHECKOUT)), line, found["language"], snippet)


def in_language(*languages: str) -> list[Block]:
    return [block for block in blocks() if block.language in languages]


def section(page: Path, title: str) -> str:
    """From its heading to the next one of the same rank."""
    text = page.read_text()
    begin = text.index(f"\n## {title}\n")
    end = text.find("\n## ", begin + 1)
    return text[begin : end if end >= 0 else None]
