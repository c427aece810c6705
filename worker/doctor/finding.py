"""What a check answers: how things stand, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILING = "failing"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    level: Level
    what: str
    what_to_do: str = ""


def counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number:,} {what}s"


def ok(what: str) -> Finding:
    return Finding(Level.OK, what)


def warning(what: str, what_to_do: str) -> Finding:
    return Finding(Level.WARNING, what, what_to_do)


def failing(what: str, what_to_do: str) -> Finding:
    return Finding(Level.FAILING, what, what_to_do)


def skipped(why: str) -> Finding:
    return Finding(Level.SKIPPED, why)
