"""A pooler that passes everything on but what NOTIFY sends, as a transaction pooler does."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

NOTIFICATION = b"A"
HEAD = struct.Struct("!cI")


@asynccontextmanager
async def deaf_pooler(url: str) -> AsyncIterator[str]:
    target = conninfo_to_dict(url)
    path = f"{target['host']}/.s.PGSQL.{target['port']}"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, to_there = await asyncio.open_unix_connection(path)
        ends.update({writer, to_there})
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            await asyncio.gather(everything(reader, to_there), all_but_notifications(there, writer))
        for end in (writer, to_there):
            end.close()

    ends: set[asyncio.StreamWriter] = set()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    # In clear and at once with the start-up message: so every answer has a head.
    plainly = {"sslmode": "disable", "gssencmode": "disable"}
    async with server:
        yield make_conninfo(url, host="127.0.0.1", port=port, **plainly)
        for end in ends:
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()


async def everything(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
    writer.close()


async def all_but_notifications(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        head = await reader.readexactly(HEAD.size)
        kind, length = HEAD.unpack(head)
        body = await reader.readexactly(length - 4)
        if kind != NOTIFICATION:
            writer.write(head + body)
