"""The one connection that most checks share, one at a time: connections are scarce."""

import asyncio
from pathlib import Path
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import DictRow, dict_row

from worker.database.connection import connect_options
from worker.doctor.patience import ANSWER, CONNECT, STATEMENT

QUERIES = Path(__file__).parent / "queries"


def options(purpose: str) -> dict[str, Any]:
    """Nothing is prepared: behind a transaction pooler that would fail for its own reason."""
    return {
        **connect_options(purpose),
        "connect_timeout": CONNECT,
        "prepare_threshold": None,
    }


async def connected(url: str, purpose: str) -> AsyncConnection[DictRow]:
    async with asyncio.timeout(CONNECT + 1):
        connection = await AsyncConnection.connect(url, row_factory=dict_row, **options(purpose))
    await execute(connection, f"set statement_timeout = '{STATEMENT}'")
    return connection


async def execute(connection: AsyncConnection[DictRow], query: str, *values: object) -> None:
    async with asyncio.timeout(ANSWER):
        await connection.execute(query.encode(), values or None)


class Link:
    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: AsyncConnection[DictRow] | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> None:
        self._connection = await connected(self._url, "doctor")

    async def rows(self, name: str, *values: object) -> list[DictRow]:
        """What `queries/<name>.sql` answers."""
        return await self.ask((QUERIES / f"{name}.sql").read_text(encoding="utf-8"), *values)

    async def row(self, name: str, *values: object) -> DictRow:
        (only,) = await self.rows(name, *values)
        return only

    async def ask(self, query: str, *values: object) -> list[DictRow]:
        if self._connection is None:
            raise psycopg.OperationalError("there is no connection")
        async with self._turn, asyncio.timeout(ANSWER):
            cursor = await self._connection.execute(query.encode(), values or None)
            return await cursor.fetchall()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()
