"""The simulator's own event loop, in a thread, so that it also answers synchronous clients."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TypeVar

from worker.simulator.errors import SimulatorError

CALL_TIMEOUT = 30.0

T = TypeVar("T")


class LoopThread:
    """All that changes the simulator runs on this thread, so nothing in it needs a lock."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            raise SimulatorError(
                "The simulator does not run: use `with Simulator() as simulator:`."
            )
        return self._loop

    @property
    def runs(self) -> bool:
        return self._loop is not None

    def start(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="simulator", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        loop, thread = self.loop, self._thread
        loop.call_soon_threadsafe(loop.stop)
        if thread is not None:
            thread.join(CALL_TIMEOUT)
        loop.close()
        self._loop = self._thread = None

    def call(self, action: Callable[[], T]) -> T:
        """Does it on the loop's thread and waits; directly if this is that thread."""
        if self._loop is None or threading.current_thread() is self._thread:
            return action()
        future: Future[T] = Future()
        self._loop.call_soon_threadsafe(_fulfil, future, action)
        return future.result(CALL_TIMEOUT)

    def run(self, work: Coroutine[None, None, T]) -> T:
        """Waits for a coroutine; never from the loop's own thread, which would wait for itself."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(CALL_TIMEOUT)


def _fulfil(future: Future[T], action: Callable[[], T]) -> None:
    try:
        future.set_result(action())
    except BaseException as error:  # noqa: BLE001 - it is raised again in the calling thread
        future.set_exception(error)
