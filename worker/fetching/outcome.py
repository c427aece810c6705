"""How a fetch ends."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Reason(Enum):
    DEAD_LINK = "dead_link"
    """Another link to the same file may work."""
    REFUSED = "refused"
    """By our own rules, as a place or an answer: what was typed wrong, or a server's bad hour."""
    TOO_LARGE = "too_large"
    """So will be the same file under any other link."""
    UNREADABLE = "unreadable"
    """No address at all."""
    PASSING = "passing"
    """The same link may work later."""
    OURS = "ours"
    """This machine's disk does not take the file; nothing is wrong with the link."""


@dataclass(frozen=True, slots=True)
class Fetched:
    path: Path
    bytes: int
    sha256: str
    content_type: str
    """In lower case, without parameters."""


@dataclass(frozen=True, slots=True)
class NotFetched:
    why: str
    """Never holds the address's path or query: they may be a signature."""
    reason: Reason


def refused(why: str) -> NotFetched:
    return NotFetched(why, Reason.REFUSED)


def passing(why: str) -> NotFetched:
    return NotFetched(why, Reason.PASSING)
