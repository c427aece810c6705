"""Runs one program and says how long it took and how much memory it held at most.

A process of its own, and a small one: what Linux calls the peak of a child begins with what its
parent held when it was started, so the bench itself would set a floor of its own size.
"""

import json
import os
import sys
import time


def main() -> None:
    command = sys.argv[1:]
    quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
    started = time.perf_counter()
    process = os.posix_spawnp(command[0], command, os.environ, file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    seconds = time.perf_counter() - started
    unit = 1 if sys.platform == "darwin" else 1024
    said = {
        "seconds": seconds,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * unit,
        "code": os.waitstatus_to_exitcode(status),
    }
    sys.stdout.write(json.dumps(said))


if __name__ == "__main__":
    main()
