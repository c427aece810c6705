"""How much memory this process takes; the optimiser's processes are not in it."""

import os
import resource
import sys
from pathlib import Path

STATM = Path("/proc/self/statm")  # absent on macOS
MIB = 1024 * 1024


def memory_mib() -> int:
    """Now, where the system says so; else the most that it ever was."""
    try:
        pages = int(STATM.read_text().split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most // MIB if sys.platform == "darwin" else most // 1024
    return pages * os.sysconf("SC_PAGE_SIZE") // MIB
