"""The processes of the optimisers, seen from outside."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

PROC = Path("/proc")
BOUND = "1000"  # what a child writes into its oom_score_adj after all other bounds


def children(parent: int | None = None) -> list[int]:
    """Of this process, or of another: those that optimise."""
    return [pid for pid in all_children(parent or os.getpid()) if is_optimiser(pid)]


def all_children(parent: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in (PROC / str(parent) / "task").iterdir():
            yield from map(int, (thread / "children").read_text().split())


def fields(pid: int) -> dict[str, str]:
    """Of its status; none when it is gone."""
    with suppress(OSError):
        lines = (PROC / str(pid) / "status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return {}


def is_optimiser(pid: int) -> bool:
    with suppress(OSError):
        return b"worker.optimising" in (PROC / str(pid) / "cmdline").read_bytes()
    return False


def lives(pid: int) -> bool:
    """What nobody has buried yet is dead too."""
    return fields(pid).get("State", "Z")[0] not in "ZX"


def is_buried(pid: int) -> bool:
    return not (PROC / str(pid)).exists()


def resident_bytes(pid: int) -> int:
    return int(fields(pid).get("VmRSS", "0 kB").split()[0]) << 10


@contextmanager
def growth() -> Iterator[Callable[[], int]]:
    """How many bytes more than before this process itself held at most."""
    (PROC / "self/clear_refs").write_text("5")  # the most that it ever held is what it holds now
    before = most_held()
    yield lambda: most_held() - before


def most_held() -> int:
    return int(fields(os.getpid())["VmHWM"].split()[0]) << 10


async def running_child(parent: int | None = None) -> int:
    """One that has put its bounds on itself."""
    while True:
        for pid in children(parent):
            with suppress(OSError):
                if (PROC / str(pid) / "oom_score_adj").read_text().strip() == BOUND:
                    return pid
        await asyncio.sleep(0.001)


async def child_of_size(least: int) -> int:
    """One that has begun to work: it holds so many bytes."""
    pid = await running_child()
    while resident_bytes(pid) < least:
        await asyncio.sleep(0.001)
    return pid


async def stopped_child() -> int:
    pid = await running_child()
    os.kill(pid, signal.SIGSTOP)
    return pid
