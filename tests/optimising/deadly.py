"""A child like ours that dies, or hangs, of the files it is told to.

    python -m tests.optimising.deadly WHEN ERRAND

looking   over every GLB that it looks at
working   over every GLB once that has passed the checks
hanging   likewise, and hears no signal
"""

import os
import signal
import sys
from typing import Any

from worker.optimising import child, model
from worker.optimising.kinds import check


def deadly(when: str) -> tuple[str, ...]:
    """In place of the command that starts our own."""
    return (sys.executable, "-P", "-m", __name__, when)


def die(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSEGV)


def hang(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSTOP)


def poison(when: str) -> None:
    if when != "looking":
        vars(model)["make_smaller"] = die if when == "working" else hang
        return
    vars(model)["triangles_of"] = die
    check.CHECKS = {**check.CHECKS, "glb": die}


if __name__ == "__main__":
    poison(sys.argv.pop(1))
    child.main()
