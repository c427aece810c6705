"""One transaction of a migration: what `migrate` runs and a bundle prints."""

from dataclasses import dataclass
from hashlib import sha256

from psycopg.sql import Literal


@dataclass(frozen=True)
class Statement:
    """`source` names the file, so that an error can be placed in it."""

    text: str
    source: str = ""


@dataclass(frozen=True)
class Step:
    label: str
    statements: tuple[Statement, ...]
    details: tuple[str, ...] = ()


SEARCH_NOTHING = Statement("set local search_path = '';")
RELOAD_API = Statement("notify pgrst, 'reload schema';")


def call(function: str, *arguments: str | int | list[str]) -> Statement:
    literals = ", ".join(Literal(argument).as_string().strip() for argument in arguments)
    return Statement(f"select meshqueue.{function}({literals});")


def quoted(text: str) -> str:
    """Dollar quotes nest when each has a tag that its text does not contain."""
    tag = f"$mq_{sha256(text.encode()).hexdigest()[:8]}$"
    return f"{tag}{text}{tag}"
