"""What is to be made of how a child ended."""

import signal
from collections.abc import Iterator

from worker.optimising.outcome import (
    Code,
    Optimised,
    Outcome,
    Sound,
    Unchecked,
    Unoptimised,
    Unsound,
    Verdict,
)
from worker.optimising.process import Ended, Json

# numpy's algebra and C++ end the process rather than raise.
WORDS_OF_WANT = ("MemoryError", "bad_alloc", "Memory allocation", "failed to map segment")


def of_model(ended: Ended, memory_bytes: int, deadline: float) -> Outcome:
    if findings := ended.told("unsound"):
        return Unsound(tuple(findings))
    if (report := ended.told("optimised")) and ended.code == 0:
        return Optimised(report)
    code, why = failure(ended, memory_bytes, deadline)
    return Unoptimised(code, why, ended.told("checked") or {})


def of_files(ended: Ended, count: int, memory_bytes: int, deadline: float) -> tuple[Verdict, ...]:
    """A process that fails over one file has told of those before it."""
    told = list(verdicts(ended.said))
    missing = count - len(told)
    if not missing:
        return tuple(told)
    return (*told, *[Unchecked(*failure(ended, memory_bytes, deadline))] * missing)


def verdicts(said: tuple[Json, ...]) -> Iterator[Verdict]:
    for line in said:
        if "unsound" in line:
            yield Unsound(tuple(line["unsound"]))
        elif "sound" in line:
            yield Sound(line["sound"])


def failure(ended: Ended, memory_bytes: int, deadline: float) -> tuple[Code, str]:
    told = ended.told("failed")
    if told == Code.REFUSED:
        return Code.REFUSED, str(ended.told("why"))
    if ended.code is None or ended.code == -signal.SIGXCPU:
        return Code.TOO_SLOW, f"it took longer than {deadline:g} s"
    if told == Code.OUT_OF_MEMORY or any(words in ended.complaints for words in WORDS_OF_WANT):
        return Code.OUT_OF_MEMORY, f"it needed more than {memory_bytes >> 20:,} MiB"
    return Code.CRASHED, f"the process {ending(ended.code)}"


def ending(code: int) -> str:
    if code >= 0:
        return f"ended with code {code}"
    if code == -signal.SIGKILL:
        return "was killed, as the kernel does when memory runs out"
    return f"was ended by signal {-code} ({signal.strsignal(-code)})"
