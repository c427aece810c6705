"""Workers in processes of their own that meet their fate at one of their steps.

They are forked from a process that has imported everything: importing takes three quarters of the
processor's time of a life.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from tests.support.jobs import Row

Life = Callable[[Row], Coroutine[Any, Any, int]]
"""Answers with the number of its steps, if it comes to that."""

forks = get_context("forkserver")
forks.set_forkserver_preload(["tests.delivery.mortal"])  # which imports all that others need


class Mortal:
    def __init__(self, life: Life, given: Row) -> None:
        self._told, tells = forks.Pipe(duplex=False)
        self._process = forks.Process(target=live, args=(life, given, tells), daemon=True)
        self._process.start()
        tells.close()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid
        return pid

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    async def steps(self) -> int:
        """Once it is dead. 0: it was killed."""
        dead, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._process.sentinel, dead.set)
        try:
            await dead.wait()
        finally:
            loop.remove_reader(self._process.sentinel)
        try:
            return int(self._told.recv())
        except EOFError:
            assert self._process.exitcode == -signal.SIGKILL, self._process.exitcode
            return 0

    def bury(self) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()
        self._told.close()


def live(life: Life, given: Row, tells: "Connection[int, int]") -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for channel in (1, 2):
        os.dup2(nowhere, channel)
    tells.send(asyncio.run(life(given)))


@asynccontextmanager
async def born(life: Life, given: Row) -> AsyncIterator[Mortal]:
    mortal = Mortal(life, given)
    try:
        yield mortal
    finally:
        mortal.bury()


async def steps_lived(
    life: Life, given: Row, the_end: Callable[[], Coroutine[Any, Any, Any]]
) -> int:
    """Of a worker that dies at a step; the number of steps if it lived to its job's end."""
    async with born(life, given) as mortal:
        dead = asyncio.create_task(mortal.steps())
        over = asyncio.create_task(the_end())
        await asyncio.wait({dead, over}, return_when=asyncio.FIRST_COMPLETED)
        if not dead.done():
            mortal.signal(signal.SIGTERM)
        over.cancel()
        return await dead
