"""What can happen to a connection besides an answer."""

import asyncio
import socket
import struct
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

SEND_RESET = struct.pack("ii", 1, 0)  # close at once, forgetting what was not sent


class Connection(H11Protocol):
    """Tells each request on which connection it came, so that an answer can be that one's end."""

    provider: str | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.app_state = {"connection": self}
        super().connection_made(transport)

    def close(self) -> None:
        self.transport.close()

    def reset(self) -> None:
        accepted: socket.socket = self.transport.get_extra_info("socket")
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SEND_RESET)
        self.transport.abort()


def connection_of(scope: Scope) -> Connection:
    connection: Connection = scope["state"]["connection"]
    return connection


async def gone(receive: Receive) -> None:
    """Returns when the connection has ended, whoever ended it."""
    while (await receive())["type"] != "http.disconnect":
        pass


class Dropped:
    """The connection is closed without a byte."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        connection_of(scope).close()
        await gone(receive)


class Reset:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        connection_of(scope).reset()
        await gone(receive)


class Hung:
    """Nothing ever comes, until the client goes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        await gone(receive)


async def start(send: Send, status: int, headers: dict[str, str]) -> None:
    lines: list[tuple[bytes, bytes]] = [
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()
    ]
    await send({"type": "http.response.start", "status": status, "headers": lines})


async def write(send: Send, chunk: bytes, *, last: bool = False) -> None:
    message: dict[str, Any] = {"type": "http.response.body", "body": chunk, "more_body": not last}
    await send(message)
