"""What of a file has arrived, on disk."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Written in a thread, gathered to this size. 8 downloads at once on a disk that took 150 MB/s, by
# the loop's lateness p50 / p99: plain writes of 64 KiB 7 / 46 ms, threads with 64 KiB 0.5 / 6 ms.
# TLS hands over 16 KiB at a time: a thread for each costs 9.5 ns of CPU a byte, for 64 KiB 5.3,
# for 256 KiB 5.5.
#
# One at a time: whoever waits for its turn reads nothing, so that not all are ready at once. 40
# downloads over TLS that took all of a processor, by the loop's lateness p50 / p99: without turns
# 46 / 150 ms at 50 MB/s, four at a time 9 / 58 ms, two 3 / 25 ms, one 2 / 11 ms at 40 MB/s.
GATHERED = 128 * 1024


class UnwritableError(Exception):
    """This machine's disk does not take it. Stays within this package."""


@contextmanager
def own_disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnwritableError(error.strerror or type(error).__name__) from error


class Part:
    def __init__(self, path: Path, writing: asyncio.Lock) -> None:
        self.path = path
        self._writing = writing
        self.size = 0
        self.received = 0
        """Never shrinks: what came before a restart counts."""
        self._digest = hashlib.sha256()
        self._gathered = bytearray()
        # Buffered for its lock: a thread that a cancelled download left behind never writes to a
        # descriptor that has been closed and given to another file.
        with own_disk():
            self._file = path.open("wb")

    async def add(self, data: bytes) -> None:
        self._gathered += data
        self.size += len(data)
        self.received += len(data)
        if len(self._gathered) >= GATHERED:
            await self._put()

    async def restart(self) -> None:
        if not self.size:
            return
        self._gathered.clear()
        self._digest = hashlib.sha256()
        self.size = 0
        await asyncio.to_thread(self._rewind)

    async def finish(self) -> str:
        """Gives the sha256 of the whole."""
        await self._put()
        with own_disk():
            await asyncio.to_thread(self._file.close)
        return self._digest.hexdigest()

    def drop(self) -> None:
        with suppress(OSError):  # a full disk says so again
            self._file.close()
        with suppress(OSError):  # its folder goes soon
            self.path.unlink(missing_ok=True)

    async def _put(self) -> None:
        gathered, self._gathered = self._gathered, bytearray()
        async with self._writing:
            await asyncio.to_thread(self._write, gathered)

    def _write(self, data: bytearray) -> None:
        self._digest.update(data)
        with own_disk():
            self._file.write(data)

    def _rewind(self) -> None:
        with own_disk():
            self._file.seek(0)
            self._file.truncate()
