"""The child: bounds itself, does one errand, and says line by line how it went."""

import gc
import json
import os
import sys
from collections.abc import Mapping
from typing import Any, TextIO

from worker.optimising.bounds import bind
from worker.optimising.errand import Check, Errand, Optimise, from_argument
from worker.optimising.outcome import Code

OUTPUT, ERRORS = 1, 2
NO_THREAD = "can't start new thread"  # what Python says when there is no memory for its stack


class Voice:
    """Standard output, taken away from everybody else: codecs print what they please."""

    def __init__(self) -> None:
        self._pipe: TextIO = os.fdopen(os.dup(OUTPUT), "w")
        os.dup2(ERRORS, OUTPUT)

    def say(self, line: Mapping[str, Any]) -> None:
        self._pipe.write(json.dumps(line) + "\n")
        self._pipe.flush()


def main() -> None:
    errand, bounds = from_argument(sys.argv[1])
    bind(bounds)
    gc.set_threshold(100_000, 50, 100)  # importing leaves no cycles behind: 30 ms less
    voice = Voice()
    try:
        run(errand, voice)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and NO_THREAD not in str(error):
            raise
        voice.say({"failed": Code.OUT_OF_MEMORY})


def run(errand: Errand, voice: Voice) -> None:
    match errand:
        case Optimise():
            from worker.optimising.model import optimise  # noqa: PLC0415 - only once bounded

            optimise(errand, voice.say)
        case Check():
            from worker.optimising.kinds import check_file  # noqa: PLC0415 - as above

            for path, kind in errand.files:
                voice.say(check_file(path, kind))
