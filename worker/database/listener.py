"""The one connection that hears NOTIFY, for everything in this process.

It probes itself: a network that swallows packets without closing the connection is noticed within
seconds, and the next connection is made at once.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import structlog
from psycopg import AsyncConnection, Notify, sql

from worker.database.connection import connect_options

PROBE_EVERY = 3.0  # s
PROBE_TIMEOUT = 3.0  # psycopg then waits 5 s more for a connection that is open and dead
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 5.0

Heard = Callable[[str, str], Awaitable[None]]
Returned = Callable[[], None]

log = structlog.get_logger()


class Listener:
    def __init__(self, url: str, channels: Iterable[str]) -> None:
        self._url = url
        self._channels = tuple(channels)
        self._heard: dict[str, list[Heard]] = defaultdict(list)
        self._returned: list[Returned] = []
        self._probed_at: float | None = None
        self.listening = asyncio.Event()

    def hear(self, channel: str, heard: Heard) -> Callable[[], None]:
        """Calls `heard(channel, payload)` from now on; the answer takes it back."""
        self._heard[channel].append(heard)
        return lambda: self._heard[channel].remove(heard)

    def on_return(self, returned: Returned) -> Callable[[], None]:
        """Called after each connection: what was said in between was missed."""
        self._returned.append(returned)
        return lambda: self._returned.remove(returned)

    def silent_for(self) -> float:
        """Seconds since LISTEN was last known to work."""
        if self._probed_at is None:
            return float("inf")
        return asyncio.get_running_loop().time() - self._probed_at

    async def run(self) -> None:
        """Until it is cancelled; nothing else ends it."""
        pause = FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - whatever it was, without LISTEN we are blind
                log.warning("listen_lost", action="listen_lost", error=str(error))
            if self.listening.is_set():
                pause = FIRST_PAUSE
            self.listening.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _listen(self) -> None:
        async with asyncio.timeout(connect_timeout()):
            connection = await AsyncConnection.connect(self._url, **connect_options("listener"))
        try:
            async with asyncio.timeout(PROBE_TIMEOUT):
                for channel in self._channels:
                    await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
            self._present()
            await self._hear_all(connection)
        finally:
            await close_quickly(connection)

    def _present(self) -> None:
        self._note_probe()
        self.listening.set()
        log.info("listen_started", action="listen_started", channels=len(self._channels))
        for returned in tuple(self._returned):
            returned()

    async def _hear_all(self, connection: AsyncConnection[Any]) -> None:
        while True:
            async for notify in connection.notifies(timeout=PROBE_EVERY):
                await self._tell(notify)
            async with asyncio.timeout(PROBE_TIMEOUT):
                await connection.execute("select 1")
            self._note_probe()

    async def _tell(self, notify: Notify) -> None:
        for heard in tuple(self._heard[notify.channel]):
            try:
                await heard(notify.channel, notify.payload)
            except Exception:  # one listener's fault is not the others'
                log.exception("notification_failed", action="notification_failed")

    def _note_probe(self) -> None:
        self._probed_at = asyncio.get_running_loop().time()


def connect_timeout() -> float:
    return float(connect_options("")["connect_timeout"]) + 1


async def close_quickly(connection: AsyncConnection[Any]) -> None:
    try:
        async with asyncio.timeout(1):
            await connection.close()
    except Exception as error:  # noqa: BLE001 - it is being thrown away
        log.debug("close_failed", action="close_failed", error=str(error))
