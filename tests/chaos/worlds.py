"""Many worlds at once, each with its own fate."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

LONG = os.environ.get("MESHQUEUE_LONG") == "1"
AT_ONCE = 6

Case = TypeVar("Case")


async def survive_all(live: Callable[[Case], Awaitable[None]], cases: Iterable[Case]) -> None:
    """Every one is brought to its end before the first fault is told."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(case: Case) -> None:
        async with gate:
            try:
                await live(case)
            except Exception as error:
                error.add_note(f"in the case {case}")
                raise

    results = await asyncio.gather(*map(one, cases), return_exceptions=True)
    faults = [result for result in results if isinstance(result, Exception)]
    if faults:
        raise ExceptionGroup("not survived", faults)


def sampled(cases: list[Case], stride: int) -> list[Case]:
    """All of them in a long run."""
    return cases if LONG else cases[::stride]
