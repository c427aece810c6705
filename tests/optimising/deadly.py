"""A child like ours that dies, or hangs, of the files it is told to.

    python -m tests.optimising.deadly WHEN SIGNAL ERRAND

looking   over every GLB and every picture of an order that it looks at
working   over every GLB once that has passed the checks
hanging   likewise, and hears no signal
"""

import os
import signal
import sys
from typing import Any

from worker.optimising import child, model, picture
from worker.optimising.kinds import check


def deadly(when: str, by: signal.Signals = signal.SIGSEGV) -> tuple[str, ...]:
    """In place of the command that starts our own."""
    return (sys.executable, "-P", "-m", __name__, when, str(by.value))


def hang(*_: Any, **__: Any) -> Any:
    os.kill(os.getpid(), signal.SIGSTOP)


def poison(when: str, by: int) -> None:
    def die(*_: Any, **__: Any) -> Any:
        os.kill(os.getpid(), by)

    if when != "looking":
        vars(model)["make_smaller"] = die if when == "working" else hang
        return
    vars(model)["triangles_of"] = die
    vars(picture)["prepare_picture"] = die
    check.CHECKS = {**check.CHECKS, "glb": die}


if __name__ == "__main__":
    poison(sys.argv.pop(1), int(sys.argv.pop(1)))
    child.main()
