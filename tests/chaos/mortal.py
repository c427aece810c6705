"""A worker that is killed at the n-th step of what it does with its runs.

A step is what happens between two awaits, in the run's own task and in every task that it starts.
SIGKILL: no handler runs, no connection is closed, nothing is given back.

    python -m tests.chaos.mortal '{"database": …, "meshy": …, "key": …, "storage": …, "die_at": 17}'

It prints the number of steps when a job is over.
"""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Coroutine, Generator
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from tests.support.daemon import PATIENCE
from worker.daemon.daemon import Daemon, Plan
from worker.pipeline.delivery import new_client
from worker.pipeline.hands import Hands
from worker.pipeline.held import Held, Served
from worker.pipeline.pictures import Pictures
from worker.providers import open_provider
from worker.storage.folder import FolderStorage

counted: ContextVar[bool] = ContextVar("counted", default=False)


class Steps:
    def __init__(self, die_at: int) -> None:
        self.taken = 0
        self._die_at = die_at

    def step(self) -> None:
        self.taken += 1
        if self.taken == self._die_at:
            os.kill(os.getpid(), signal.SIGKILL)


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


def count_tasks(loop: asyncio.AbstractEventLoop, steps: Steps) -> None:
    def new_task(
        loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any
    ) -> "asyncio.Task[Any]":
        if counted.get():
            coroutine = Counted(coroutine, steps)
        return asyncio.Task(coroutine, loop=loop, **options)

    loop.set_task_factory(new_task)


def count_runs() -> None:
    """From the first step of a run on, in its own task and in those that it starts."""
    work = Hands._work  # noqa: SLF001 - the one place where a run's task begins

    async def counted_work(self: Hands, held: Held) -> None:
        counted.set(True)
        await asyncio.create_task(work(self, held))

    Hands._work = counted_work  # type: ignore[method-assign]  # noqa: SLF001 - as above


def plan_of(given: dict[str, Any]) -> Plan:
    storage = FolderStorage(Path(given["storage"]))
    provider = open_provider(
        "MESHY", given["key"], address=given["meshy"], patience=PATIENCE, model="meshy-6"
    )
    return Plan(
        database_url=given["database"],
        served={"MESHY": Served(provider, "MESHY key")},
        storage=storage,
        read_pictures=Pictures(storage, new_client()).read,
        deliveries_at_once=1,
        serve_http=False,
    )


async def main(given: dict[str, Any]) -> None:
    steps = Steps(given["die_at"])
    count_tasks(asyncio.get_running_loop(), steps)
    count_runs()
    daemon = Daemon(plan_of(given))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, daemon.stop)
    await daemon.run()
    sys.stdout.write(f"{steps.taken}\n")


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
