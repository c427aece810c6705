"""A network between us and Postgres that can fail: cut, refuse, or swallow without a word."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK = 65_536
GREETING = 1_000  # bytes, in which a client says its name


@dataclass(eq=False)
class Flow:
    """A connection: whether anything passes, and what the client called itself."""

    open: asyncio.Event = field(default_factory=asyncio.Event)
    greeting: bytes = b""

    def note(self, data: bytes) -> None:
        if len(self.greeting) < GREETING:
            self.greeting += data


class Proxy:
    def __init__(self, url: str) -> None:
        self._url = url
        self._target = conninfo_to_dict(url)
        self._flows: set[Flow] = set()
        self._refuses = False
        self._answering = asyncio.Event()
        self._answering.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return make_conninfo(self._url, host="127.0.0.1", port=port)

    def blackhole(self, name: str = "") -> None:
        """Connections stay open, and nothing passes any more: all, or those of that name.

        New ones work.
        """
        for flow in self._flows:
            if name.encode() in flow.greeting:
                flow.open.clear()

    def hold_answers(self) -> None:
        """Requests arrive; what the server says waits until `let_answers_pass`."""
        self._answering.clear()

    def let_answers_pass(self) -> None:
        self._answering.set()

    def cut(self) -> None:
        """Every connection is closed."""
        for writer in tuple(self._writers):
            writer.close()

    def go_down(self) -> None:
        self._refuses = True
        self.cut()

    def come_back(self) -> None:
        self._refuses = False

    @property
    def connections(self) -> int:
        return len(self._writers) // 2

    async def start(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for flow in self._flows:
            flow.open.set()
        while self._flows:
            self.cut()
            await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.close()
            return
        flow = Flow()
        flow.open.set()
        try:
            there = await self._connect()
        except OSError:
            writer.close()
            return
        ends = {writer, there[1]}
        self._writers |= ends
        self._flows.add(flow)
        try:
            await asyncio.gather(
                self._pump(reader, there[1], flow.note, flow.open),
                self._pump(there[0], writer, ignore, flow.open, self._answering),
            )
        finally:
            self._writers -= ends
            self._flows.discard(flow)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = str(self._target["host"]), self._target["port"]
        if host.startswith("/"):
            return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        return await asyncio.open_connection(host, int(str(port)))

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        note: Callable[[bytes], None],
        *gates: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                note(data)
                for gate in gates:
                    await gate.wait()
                if writer.is_closing():  # cut meanwhile: uvloop refuses to write then
                    return
                writer.write(data)
                await writer.drain()
        writer.close()


def ignore(data: bytes) -> None:
    """The server's greeting names nobody."""


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    proxy = await Proxy(url).start()
    try:
        yield proxy
    finally:
        await proxy.stop()
