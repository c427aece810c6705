"""One task's states on their way to whoever watches it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from worker.providers.order import Task
from worker.providers.outcome import Canceled, Failed, State, Succeeded, Unseen, Working

NEAR_THE_END = 95


class Watch:
    """Only the newest state counts, and nothing comes after a terminal one."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.fed = True
        """States come by themselves: nobody needs to ask."""
        self.hurried = False
        """Somebody knows of news: to ask goes before what merely looks again."""
        self._bell = asyncio.Event()
        self._news = asyncio.Event()
        self._newest: State | None = None
        self._told: State | None = None
        self._fault: BaseException | None = None
        self._stopped = False

    @property
    def near_the_end(self) -> bool:
        return isinstance(self._newest, Working) and self._newest.progress >= NEAR_THE_END

    def put(self, state: State) -> None:
        if not is_terminal(self._newest):
            self._newest = state
            self._news.set()

    def ring(self) -> None:
        """Somebody has reason to believe that the task should be asked about now."""
        self._bell.set()

    def hurry(self) -> None:
        self.hurried = True
        self.ring()

    def starve(self) -> None:
        """What fed this watch has broken."""
        self.fed = False
        self.ring()

    async def rung(self, timeout: float | None) -> bool:  # noqa: ASYNC109  # the wait ends well, as a value
        try:
            async with asyncio.timeout(timeout):
                await self._bell.wait()
        except TimeoutError:
            return False
        self._bell.clear()
        return True

    def stop(self) -> None:
        self._stopped = True
        self._news.set()

    def source_ended(self, source: "asyncio.Task[Any]") -> None:
        """A fault of ours must not look like a task that says nothing."""
        if not source.cancelled() and source.exception():
            self._fault = source.exception()
            self._news.set()

    async def states(self) -> AsyncGenerator[State, None]:
        while not is_terminal(self._told):
            await self._news.wait()
            self._news.clear()
            if self._fault:
                raise self._fault
            if self._stopped:
                return
            if self._newest and self._is_new(self._newest):
                self._told = self._newest
                yield self._newest

    def _is_new(self, state: State) -> bool:
        return isinstance(state, Unseen) or state != self._told


def is_terminal(state: State | None) -> bool:
    return isinstance(state, Succeeded | Failed | Canceled)
