"""A provider on loopback that does on the wire exactly what a test says."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One exchange on one connection."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    async def answer(self, status: int, body: Any = None, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"content-type": "application/json", "content-length": str(len(content))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        await self.send(_head(status, given) + content)

    async def open_stream(self) -> None:
        await self.send(_head(200, {"content-type": "text/event-stream"}))

    async def event(self, data: Any, event: str = "message") -> None:
        await self.send(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())

    async def send(self, raw: bytes) -> None:
        self._writer.write(raw)
        await self._writer.drain()

    def cut(self) -> None:
        self._writer.transport.abort()


Script = Callable[[Request, Wire], Awaitable[None]]


@dataclass
class RawProvider:
    url: str = ""
    requests: list[Request] = field(default_factory=list)
    open: int = 0
    connections: int = 0
    script: Script | None = None

    def paths(self, method: str) -> list[str]:
        return [request.path for request in self.requests if request.method == method]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.connections += 1
        try:
            while request := await _read(reader):
                self.requests.append(request)
                assert self.script is not None
                await self.script(request, Wire(writer))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def raw_provider(script: Script) -> AsyncIterator[RawProvider]:
    provider = RawProvider(script=script)
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(provider.serve(reader, writer))
        serving.add(task)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    provider.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.close()
        for task in serving:
            task.cancel()
        ended = await asyncio.gather(*serving, return_exceptions=True)
        faults = [each for each in ended if isinstance(each, Exception)]
        if faults:
            raise ExceptionGroup("the script of a raw provider failed", faults)


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().split("\r\n")
    headers = {
        name.lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines)
        if colon
    }
    method, path, _ = first.split(" ")
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)


def _head(status: int, headers: dict[str, str]) -> bytes:
    lines = [
        f"HTTP/1.1 {status} Whatever",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode()
