"""What a child may take of the machine. It parses what strangers made."""

import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path

from worker.optimising.errand import Bounds

OPEN_FILES = 64
CPU_GRACE = 5  # s
FIRST_TO_GO = "1000"
OOM_SCORE = Path("/proc/self/oom_score_adj")
PR_SET_PDEATHSIG = 1


def bind(bounds: Bounds) -> None:
    die_with(bounds.parent)
    os.setpgid(0, 0)  # not a session: between sessions niceness may mean nothing
    os.nice(bounds.niceness)
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    limit(resource.RLIMIT_CPU, bounds.cpu_seconds, grace=CPU_GRACE)
    # Not RLIMIT_AS: a model of 300,000 triangles with three textures of 4096 pixels holds 607 MiB
    # at most; this counted 679, that 887, for it counts mapped libraries and reserved arenas too.
    limit(resource.RLIMIT_DATA, bounds.memory_bytes)
    with suppress(OSError):  # there is none outside Linux
        OOM_SCORE.write_text(FIRST_TO_GO)


def limit(what: int, most: int, grace: int = 0) -> None:
    """Never more than is allowed already. Beyond the grace no handler of a signal helps."""
    hard = resource.getrlimit(what)[1]
    if hard == resource.RLIM_INFINITY:
        hard = most + grace
    hard = min(hard, most + grace)
    resource.setrlimit(what, (min(most, hard), hard))


def die_with(parent: int) -> None:
    """The kernel's promise holds also while the child is stopped, or deep in a codec.

    A thread that waits for the end of a pipe would need the interpreter's lock for that. Elsewhere
    than on Linux a child that lost its parent lives on until its CPU seconds are spent.
    """
    if sys.platform != "linux":
        return
    import ctypes  # noqa: PLC0415 - numpy brings it anyhow

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the promise was given
        os._exit(1)
