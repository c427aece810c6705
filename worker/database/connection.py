"""How a worker connects: few connections, each with its time-outs named."""

import asyncio
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

POOLED = 3
LISTENING = 1
CONNECTION_BUDGET = POOLED + LISTENING

CONNECT_TIMEOUT = 10  # s
CHECKOUT_TIMEOUT = 10.0  # s, to wait for a free connection of the pool
STATEMENT_TIMEOUT = "15s"
# The pool tries again after 1, 2, 4, 8 … s, for five minutes unless told otherwise: after an outage
# of 90 s its next try may be 37 s away. So it gives up early, and begins anew.
RECONNECT_TIMEOUT = 4.0  # s
ANSWER_TIMEOUT = 20.0  # s, for a server that does not even say that the statement timed out

# A network that swallows packets is noticed after half a minute, not after two hours.
KEEPALIVE = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Pool(AsyncConnectionPool[AsyncConnection[Any]]):
    """psycopg_pool 3.3 loses the connection of whoever is canceled while it gives it back.

    Three lost ones, and the worker would stand still for ever.
    """

    async def putconn(self, conn: AsyncConnection[Any]) -> None:
        await asyncio.shield(super().putconn(conn))

    @staticmethod
    async def check_connection(conn: AsyncConnection[Any]) -> None:
        """In time: `check` holds all idle connections while one is asked."""
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await AsyncConnectionPool.check_connection(conn)


def connect_options(purpose: str) -> dict[str, Any]:
    return {
        "autocommit": True,
        "application_name": f"meshqueue {purpose}",
        "connect_timeout": CONNECT_TIMEOUT,
        **KEEPALIVE,
    }


def new_pool(url: str) -> Pool:
    return Pool(
        url,
        kwargs=connect_options("worker"),
        min_size=1,
        max_size=POOLED,
        timeout=CHECKOUT_TIMEOUT,
        reconnect_timeout=RECONNECT_TIMEOUT,
        reconnect_failed=Pool.check,  # which opens one where there is none
        configure=prepare,
        name="meshqueue",
        open=False,
    )


async def prepare(connection: AsyncConnection[Any]) -> None:
    """By a statement: a pooler passes no options of the connection on.

    procrastinate names its tables without their schema. In time: a middlebox may let us in and
    then stay mute, and the pool would wait for this connection for ever.
    """
    settings = (
        f"set statement_timeout = '{STATEMENT_TIMEOUT}'; set search_path = procrastinate, pg_temp"
    )
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            await connection.execute(settings.encode())
    except TimeoutError:
        await connection.close()
        raise


AGAIN_PLEASE = "PT503"  # in which our own functions clothe a lock or a deadlock


def is_passing(error: BaseException) -> bool:
    """A lock, a deadlock, a restart, a lost connection, functions just replaced: try again.

    Supabase makes a database that has no room left read-only, until it has.
    """
    passing = psycopg.errors.InternalError_ | psycopg.errors.ReadOnlySqlTransaction
    if isinstance(error, passing | TimeoutError):
        return True
    if isinstance(error, psycopg.Error) and error.sqlstate == AGAIN_PLEASE:
        return True
    return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
