"""A web server on loopback that answers, byte for byte, what a test thought of."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

NAME = "cdn.test"


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    lines: Mapping[str, str]

    @property
    def first_byte(self) -> int | None:
        said = self.lines.get("range", "")
        return int(said.removeprefix("bytes=").partition("-")[0]) if said else None


class Line:
    """One connection, from the server's side; it carries one request."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def head(self, status: int, **lines: object) -> None:
        said = "".join(f"{key.replace('_', '-')}: {value}\r\n" for key, value in lines.items())
        await self.send(f"HTTP/1.1 {status} so\r\n{said}\r\n".encode())

    async def answer(self, status: int, body: bytes = b"", **lines: object) -> None:
        await self.head(status, content_length=len(body), **lines)
        await self.send(body)

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.send(b"%x\r\n%b\r\n" % (len(data), data))

    async def hang(self) -> None:
        await asyncio.Event().wait()


Reaction = Callable[[Request, Line], Awaitable[None]]


class Site:
    """Closes the connection where a reaction ends: in the middle of a body, that is a cut."""

    def __init__(self, reaction: Reaction, tls: ssl.SSLContext | None = None) -> None:
        self._reaction = reaction
        self._tls = tls
        self._serving: set[asyncio.Task[None]] = set()
        self.requests: list[Request] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.place = f"127.0.0.1:{self.port}"
        self.url = f"https://{NAME}:{self.port}" if self._tls else f"http://{self.place}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.ensure_future(self._one(reader, writer))
        self._serving.add(serving)
        with suppress(asyncio.CancelledError):
            await serving
        self._serving.discard(serving)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = _read(await reader.readuntil(b"\r\n\r\n"))
            self.requests.append(request)
            await self._reaction(request, Line(writer))
            writer.close()
            await writer.wait_closed()
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has left
        finally:
            writer.transport.abort()


def _read(head: bytes) -> Request:
    first, *rest = head.decode("latin-1").strip().split("\r\n")
    lines = (line.partition(": ") for line in rest)
    return Request(first.split(" ")[1], {name.lower(): value for name, _, value in lines})
