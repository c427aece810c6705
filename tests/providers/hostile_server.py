"""A server that keeps no promise: each request is answered by whatever a test thought of."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Received:
    method: str
    path: str
    head: bytes
    body: bytes


class Line:
    """One connection, from the server's side."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self.bytes_sent = 0

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()
        self.bytes_sent += len(data)

    def reset(self) -> None:
        self._writer.transport.abort()

    async def hang(self) -> None:
        """Until the client hangs up."""
        await asyncio.Event().wait()


Reaction = Callable[[Received, Line], Awaitable[None]]


class HostileServer:
    """A connection carries one request; it ends with the reaction, or when the client leaves."""

    def __init__(self, reaction: Reaction) -> None:
        self.reaction = reaction
        self.requests: list[Received] = []
        self.lines: list[Line] = []
        self._open = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for line in self.lines:
            line.reset()
        await self._server.wait_closed()

    @property
    def bytes_sent(self) -> int:
        return sum(line.bytes_sent for line in self.lines)

    async def reached(self, requests: int) -> None:
        """Returns when so many requests have arrived."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.requests) >= requests)

    async def left_alone(self) -> None:
        """Returns when the client holds no connection any more."""
        await self._quiet.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(writer)
        self.lines.append(line)
        with suppress(OSError, asyncio.IncompleteReadError):
            async with self._counted():
                await self._answer(reader, line)
        writer.transport.abort()

    @asynccontextmanager
    async def _counted(self) -> AsyncIterator[None]:
        self._open += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._open -= 1
            if not self._open:
                self._quiet.set()

    async def _answer(self, reader: asyncio.StreamReader, line: Line) -> None:
        received = await _read(reader)
        async with self._news:
            self.requests.append(received)
            self._news.notify_all()
        reacting = asyncio.ensure_future(self.reaction(received, line))
        leaving = asyncio.ensure_future(reader.read())
        await asyncio.wait({reacting, leaving}, return_when=asyncio.FIRST_COMPLETED)
        for task in (reacting, leaving):
            task.cancel()
        await asyncio.gather(reacting, leaving, return_exceptions=True)


async def _read(reader: asyncio.StreamReader) -> Received:
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    body = await reader.readexactly(int(length[1])) if length else b""
    method, path, _ = head.decode("latin-1").split(" ", 2)
    return Received(method, path, head, body)
