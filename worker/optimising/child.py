"""The child: bounds itself, does one errand, and says line by line how it went."""

import errno
import gc
import json
import os
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, TextIO

from worker.optimising.bounds import bind
from worker.optimising.errand import Check, Errand, Optimise, Prepare, from_argument
from worker.optimising.outcome import Code

OUTPUT, ERRORS = 1, 2
LOOKS = {"looks": True}
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ENOENT, errno.ESTALE)


class Voice:
    """Standard output, taken away from everybody else: codecs print what they please."""

    def __init__(self) -> None:
        self._pipe: TextIO = os.fdopen(os.dup(OUTPUT), "w", encoding="utf-8")
        os.dup2(ERRORS, OUTPUT)

    def say(self, line: Mapping[str, Any]) -> None:
        """Escaped, a letter may take 12 bytes of the few that are read."""
        self._pipe.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._pipe.flush()


def main() -> None:
    errand, bounds = from_argument(sys.argv[1])
    bind(bounds)
    gc.set_threshold(100_000, 50, 100)  # importing leaves no cycles behind: 30 ms less
    voice = Voice()
    try:
        run(errand, voice)
    except (MemoryError, OSError) as error:
        if (failure := failure_of(error)) is None:
            raise
        voice.say(failure)


def failure_of(error: MemoryError | OSError) -> Mapping[str, Any] | None:
    """A machine that lacks something; None for a fault that may be the file's."""
    if isinstance(error, OSError) and error.errno in DISK:
        return {"failed": Code.DISK, "why": f"the disk: {error.strerror}"}
    if isinstance(error, MemoryError) or error.errno == errno.ENOMEM:
        return {"failed": Code.OUT_OF_MEMORY}
    return None


def run(errand: Errand, voice: Voice) -> None:
    """What fails before it looks at a file is not the file's fault."""
    match errand:
        case Optimise():
            from worker.optimising.model import optimise  # noqa: PLC0415 - only once bounded

            import_module("DracoPy")  # a picture may leave no memory for it later
            voice.say(LOOKS)
            optimise(errand, voice.say)
        case Check():
            from worker.optimising.kinds import check_file, prepare  # noqa: PLC0415 - as above

            prepare(kind for _, kind in errand.files)
            voice.say(LOOKS)
            for path, kind in errand.files:
                voice.say(check_file(path, kind))
        case Prepare():
            from worker.optimising.picture import prepare_file  # noqa: PLC0415 - as above

            voice.say(LOOKS)
            voice.say(prepare_file(errand))
