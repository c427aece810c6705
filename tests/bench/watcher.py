"""A process that only watches: what it says on stdout is what the bench measures.

In:  a line of JSON with the provider, its address, a key and the tasks. Then, to end: a line.
Out: a line for each first state and each end seen, at last the most memory that it ever had.
"""

import asyncio
import json
import sys
import time
from contextlib import aclosing
from typing import Any

from tests.bench.memory import peak_mib
from worker.providers import open_provider
from worker.providers.order import Task
from worker.providers.protocol import Provider
from worker.providers.watch import is_terminal


def say(**what: Any) -> None:
    print(json.dumps({**what, "at": time.time()}), flush=True)  # noqa: T201  # this is its output


async def watch(provider: Provider, task: Task) -> None:
    first = True
    async with aclosing(provider.watch(task)) as states:
        async for state in states:
            if first or is_terminal(state):
                say(task=task.id, state=type(state).__name__, over=is_terminal(state))
            first = False


async def main() -> None:
    asked = json.loads(sys.stdin.readline())
    provider = open_provider(asked["provider"], asked["key"], address=asked["address"])
    tasks = [Task(asked["resource"], name) for name in asked["tasks"]]
    await asyncio.gather(*(watch(provider, task) for task in tasks))
    await provider.close()
    say(peak_mib=peak_mib())


if __name__ == "__main__":
    asyncio.run(main())
