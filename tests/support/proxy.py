"""A network between us and Postgres that can fail: cut, refuse, or swallow without a word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo

CHUNK = 65_536


class Proxy:
    def __init__(self, url: str) -> None:
        self._url = url
        self._target = conninfo_to_dict(url)
        self._flows = asyncio.Event()
        self._flows.set()
        self._refuses = False
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return make_conninfo(self._url, host="127.0.0.1", port=port)

    def blackhole(self) -> None:
        """Every connection stays open, and nothing passes through it any more, ever."""
        self._flows.clear()  # for those that are open; the next ones get another
        self._flows = asyncio.Event()
        self._flows.set()

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
        self.cut()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.close()
            return
        flows = self._flows
        host, port = str(self._target["host"]), self._target["port"]
        if host.startswith("/"):
            there = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            there = await asyncio.open_connection(host, int(str(port)))
        ends = {writer, there[1]}
        self._writers |= ends
        try:
            await asyncio.gather(
                self._pump(reader, there[1], flows), self._pump(there[0], writer, flows)
            )
        finally:
            self._writers -= ends

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flows: asyncio.Event
    ) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                await flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@asynccontextmanager
async def proxy_to(url: str) -> AsyncIterator[Proxy]:
    proxy = await Proxy(url).start()
    try:
        yield proxy
    finally:
        await proxy.stop()
