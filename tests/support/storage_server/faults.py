"""Requests that go wrong as a test has written it down."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.simulator.wire import connection_of, gone

Operation = Literal[
    "upload", "create", "append", "look", "info", "read", "remove", "copy", "sign", "other"
]


@dataclass(frozen=True)
class Answer:
    """Instead of doing it."""

    status: int
    error: str = ""
    message: str = ""
    wrapped: bool = True
    retry_after: str = ""

    def response(self) -> Response:
        headers = {"retry-after": self.retry_after} if self.retry_after else {}
        if not self.wrapped:
            return Response(self.message, self.status, headers)
        body = {"statusCode": str(self.status), "error": self.error, "message": self.message}
        return JSONResponse(body, self.status if self.status >= 500 else 400, headers)


class Cut(StrEnum):
    """Where the connection ends."""

    BEFORE = "before"
    MIDWAY = "midway"
    AFTER = "after"


@dataclass(frozen=True)
class Delay:
    seconds: float


class Expired:
    """All addresses of resumable uploads are forgotten."""


Fault = Answer | Cut | Delay | Expired


class Faults:
    """In front of the API. Each request takes the next that is written down for its kind."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.forget_uploads: Callable[[], None] | None = None
        self.midway = 100_000
        self.seen: list[Operation] = []
        self._script: dict[str, list[Fault | None]] = defaultdict(list)

    def script(self, operation: Operation, *faults: Fault | None) -> None:
        self._script[operation].extend(faults)

    def clear(self) -> None:
        self._script.clear()
        self.seen.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = operation_of(scope["method"], scope["path"])
        self.seen.append(operation)
        waiting = self._script[operation]
        fault = waiting.pop(0) if waiting else None
        match fault:
            case None:
                await self.app(scope, receive, send)
            case Answer():
                await swallowed(receive)
                await fault.response()(scope, receive, send)
            case Delay(seconds):
                await asyncio.sleep(seconds)
                await self.app(scope, receive, send)
            case Expired():
                assert self.forget_uploads is not None
                self.forget_uploads()
                await self.app(scope, receive, send)
            case Cut():
                await self._cut(fault, scope, receive)

    async def _cut(self, cut: Cut, scope: Scope, receive: Receive) -> None:
        if cut is Cut.MIDWAY:
            await self.app(scope, Shortened(receive, self.midway), nowhere)
        elif cut is Cut.AFTER:
            await self.app(scope, receive, nowhere)
        connection_of(scope).reset()
        await gone(receive)


class Shortened:
    """A body that ends before its end."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most

    async def __call__(self) -> Message:
        if self._left <= 0:
            return {"type": "http.disconnect"}
        message = await self._receive()
        body: bytes = message.get("body", b"")[: self._left]
        self._left -= len(body) or self._left
        return {"type": "http.request", "body": body, "more_body": True}


async def nowhere(message: Message) -> None:
    """An answer that nobody gets."""


async def swallowed(receive: Receive) -> None:
    while (await receive()).get("more_body"):
        pass


def operation_of(method: str, path: str) -> Operation:  # noqa: PLR0911 - a table
    parts = path.removeprefix("/storage/v1/").split("/")
    match method, *parts:
        case "POST", "upload", "resumable":
            return "create"
        case "PATCH", "upload", *_:
            return "append"
        case "HEAD", "upload", *_:
            return "look"
        case "GET", "object", "info", *_:
            return "info"
        case "GET", "object", *_:
            return "read"
        case "POST", "object", "copy":
            return "copy"
        case "POST", "object", "sign", *_:
            return "sign"
        case "POST", "object", bucket, _, *_ if bucket != "list":
            return "upload"
        case "DELETE", "object", *_:
            return "remove"
    return "other"
