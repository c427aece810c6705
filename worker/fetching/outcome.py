"""How a fetch ends."""

from dataclasses import dataclass
from enum import Enum
from pathlib import Path


class Reason(Enum):
    DEAD_LINK = "dead_link"
    """Another link to the same file may work."""
    REFUSED = "refused"
    """The same link will never work."""
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
