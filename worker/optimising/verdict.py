"""What is to be made of how a child ended."""

import signal
from collections.abc import Iterator

from worker.optimising.outcome import (
    Code,
    Optimised,
    Outcome,
    Report,
    Sound,
    Unchecked,
    Unoptimised,
    Unsound,
    Verdict,
)
from worker.optimising.process import MOST_ANSWER_BYTES, NOT_STARTED, Ended, Json

# numpy's algebra and C++ end the process rather than raise; what does raise may leave a mesh alone.
WORDS_OF_WANT = (
    "MemoryError",
    "bad_alloc",
    "Memory allocation",
    "Unable to allocate",
    "failed to map segment",
)


def of_model(ended: Ended, memory_bytes: int, deadline: float) -> Outcome:
    if findings := ended.told("unsound"):
        return Unsound(tuple(findings))
    report = ended.told("optimised")
    if report and ended.code == 0 and not is_starved(report):
        return Optimised(report)
    code, why = failure(ended, memory_bytes, deadline)
    return Unoptimised(code, why, ended.told("checked") or {})


def is_starved(report: Report) -> bool:
    """Nothing was gained, and for want of memory; a gain on the rest of the file is kept."""
    gained = report["bytes_after"] != report["bytes_before"]
    return not gained and any(wants_memory(note) for note in report["left_alone"])


def wants_memory(text: str) -> bool:
    return any(words in text for words in WORDS_OF_WANT)


def of_files(ended: Ended, count: int, memory_bytes: int, deadline: float) -> tuple[Verdict, ...]:
    """A process that fails over one file has told of those before it, and looked at none after.

    What would meet every process is said of all that are left.
    """
    told = list(verdicts(ended.said))
    missing = count - len(told)
    if not missing:
        return tuple(told)
    unchecked = Unchecked(*failure(ended, memory_bytes, deadline))
    return (*told, *[unchecked] * (missing if unchecked.code.hits_every_process else 1))


def verdicts(said: tuple[Json, ...]) -> Iterator[Verdict]:
    for line in said:
        if "unsound" in line:
            yield Unsound(tuple(line["unsound"]))
        elif "sound" in line:
            yield Sound(line["sound"])


def failure(ended: Ended, memory_bytes: int, deadline: float) -> tuple[Code, str]:
    if why := ended.told("why"):
        return Code(ended.told("failed")), str(why)
    code, why = end_of(ended, memory_bytes, deadline)
    return code if ended.told("looks") else Code.NOT_STARTED, why


def end_of(ended: Ended, memory_bytes: int, deadline: float) -> tuple[Code, str]:
    if ended.said_too_much:
        return Code.CRASHED, f"the process said more than {MOST_ANSWER_BYTES >> 10} KiB"
    if ended.code is None or ended.code == -signal.SIGXCPU:
        return Code.TOO_SLOW, f"it took longer than {deadline:g} s"
    if lacked_memory(ended):
        return Code.OUT_OF_MEMORY, f"it needed more than {memory_bytes >> 20:,} MiB"
    code = Code.KILLED if ended.code == -signal.SIGKILL else Code.CRASHED
    return code, f"the process {ending(ended.code)}"


def lacked_memory(ended: Ended) -> bool:
    report = ended.told("optimised")
    starved = report is not None and is_starved(report)
    return starved or ended.told("failed") == Code.OUT_OF_MEMORY or wants_memory(ended.complaints)


def ending(code: int) -> str:
    if code == NOT_STARTED:
        return "could not be started"
    if code >= 0:
        return f"ended with code {code}"
    if code == -signal.SIGKILL:
        return "was killed, as the kernel does when memory runs out"
    return f"was ended by signal {-code} ({signal.strsignal(-code)})"
