"""A request to a provider, as a value, and how its exchange ended."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import orjson


@dataclass(frozen=True, slots=True)
class File:
    name: str
    content_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    method: Literal["GET", "POST", "DELETE"]
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    file: File | None = None
    paid: bool = False
    """Sent once, whatever comes of it."""
    urgent: bool = True
    """Goes before those that only watch, when requests must wait for their turn."""
    pace: str = "any"
    """Which of the account's limits it counts against."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def succeeded(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  # HTTP's own numbers

    @property
    def refused(self) -> bool:
        """A 4xx says that nothing was done; but for 408 and 499, which a proxy between may say."""
        return 400 <= self.status < 500 and self.status not in (408, 499)  # noqa: PLR2004  # as above

    def json(self) -> Any:
        """None where it is no JSON: no provider answers with a bare null."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


@dataclass(frozen=True, slots=True)
class NoAnswer:
    sent: bool
    """False only where it is certain that nothing left this machine."""
    reason: str


Reply = Answer | NoAnswer

Result = TypeVar("Result")

# What takes more than one request is written without I/O: it yields calls and is sent the replies.
Talk = Generator[Call, Reply, Result]


def settled(result: Result) -> Talk[Result]:
    """A talk that needs no words."""
    yield from ()
    return result


def single(call: Call) -> Talk[Reply]:
    return (yield call)
