"""One child process, from its start to its burial."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from worker.optimising.environment import environment
from worker.optimising.errand import Bounds, Errand, to_argument

# Most of a small model's time is the start: 0.2 s of one processor, of which the interpreter
# takes 0.02, numpy, Pillow and Draco the rest. Rejected: a pool of processes that stay. One that
# crashes breaks a ProcessPoolExecutor for all, and what a large model took is never given back.
# Rejected: -I -S, which saves 0.02 s and would need the list of places to import from.
COMMAND = (sys.executable, "-P", "-m", "worker.optimising")
MOST_ANSWER_BYTES = 1 << 16
TAIL_BYTES = 2000
NOT_STARTED = 127  # as a shell says it

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ended:
    said: tuple[Json, ...]
    code: int | None
    """Negative: the signal that ended it. None: it was killed at its deadline."""
    complaints: str
    """The end of what it wrote to standard error: for the log only."""

    said_too_much: bool = False
    """It was killed over it, and only what came first was read."""

    def told(self, key: str) -> Any:
        return next((line[key] for line in self.said if key in line), None)


async def run(errand: Errand, bounds: Bounds, deadline: float) -> Ended:
    try:
        process = await start(errand, bounds)
    except OSError as error:  # no memory, or no process, left on this machine
        return Ended((), NOT_STARTED, str(error))
    answer, complaints = bytearray(), bytearray()
    code: int | None = None
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await asyncio.gather(
                    read(process.stdout, answer, process),
                    read(process.stderr, complaints, None),
                )
                code = await process.wait()
    finally:
        await bury(process)
    said_too_much = len(answer) == MOST_ANSWER_BYTES
    return Ended(tuple(lines(answer)), code, complaints.decode(errors="replace"), said_too_much)


async def start(errand: Errand, bounds: Bounds) -> Process:
    """It takes a group of its own itself: uvloop has no word for that."""
    return await asyncio.create_subprocess_exec(
        *COMMAND,
        to_argument(errand, bounds),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
        env=environment(),
    )


async def read(
    stream: asyncio.StreamReader | None, into: bytearray, talker: Process | None
) -> None:
    """All of an answer, unless it never ends: then its beginning. Of complaints only the end."""
    while stream and (piece := await stream.read(1 << 14)):
        into += piece
        if not talker:
            del into[:-TAIL_BYTES]
        elif len(into) >= MOST_ANSWER_BYTES:
            kill(talker)
            del into[MOST_ANSWER_BYTES:]


def lines(answer: bytearray) -> list[Json]:
    """The last may be cut off. Who says what can't be read has said nothing."""
    try:
        said = [json.loads(line) for line in answer.split(b"\n")[:-1]]
    except ValueError:
        return []
    return [line for line in said if isinstance(line, dict)]


async def bury(process: Process) -> None:
    kill(process)
    await asyncio.shield(process.wait())


def kill(process: Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
