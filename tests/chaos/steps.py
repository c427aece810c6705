"""The steps of what a worker does with its runs, and something that happens at one of them.

A step is what happens between two awaits, in the run's own task and in every task that it starts.
"""

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import ContextVar
from typing import Any

from worker.daemon.daemon import Daemon
from worker.pipeline.hands import Hands
from worker.pipeline.held import Held

Act = Callable[[], None]


class Steps:
    def __init__(self, at: int = 0, act: Act = lambda: None) -> None:
        self.taken = 0
        self._at = at
        self._act = act

    def expect(self, at: int, act: Act) -> None:
        self._at, self._act = at, act

    def step(self) -> None:
        self.taken += 1
        if self.taken == self._at:
            self._act()


counting: ContextVar[Steps | None] = ContextVar("counting", default=None)


class Counted(Coroutine[Any, Any, Any]):
    def __init__(self, inner: Coroutine[Any, Any, Any], steps: Steps) -> None:
        self._inner = inner
        self._steps = steps

    def send(self, value: Any) -> Any:
        self._steps.step()
        return self._inner.send(value)

    def throw(self, *error: Any) -> Any:
        self._steps.step()
        return self._inner.throw(*error)

    def close(self) -> None:
        self._inner.close()

    def __await__(self) -> Generator[Any, Any, Any]:
        return self._inner.__await__()


def count_tasks() -> None:
    """From now on, in this event loop."""

    def new_task(
        loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        if steps := counting.get():
            coroutine = Counted(coroutine, steps)
        return asyncio.Task(coroutine, loop=loop, **options)

    asyncio.get_running_loop().set_task_factory(new_task)


def count_runs(daemon: Daemon, steps: Steps) -> None:
    """From the first step of a run on, in its own task and in those that it starts."""
    for hands in (daemon.stages, daemon.deliveries):
        count_work(hands, steps)


def count_work(hands: Hands, steps: Steps) -> None:
    work = hands._work  # noqa: SLF001 - the one place where a run's task begins

    async def counted_work(held: Held) -> None:
        counting.set(steps)
        await asyncio.create_task(work(held))

    hands._work = counted_work  # type: ignore[method-assign]  # noqa: SLF001 - as above
