"""The most memory that this process ever had."""

import resource
from pathlib import Path

STATUS = Path("/proc/self/status")
OWN_PEAK = "VmHWM"


def peak_mib() -> float:
    """Since it was started: on Linux getrusage counts what its parent had, too."""
    if STATUS.exists():
        lines = STATUS.read_text().splitlines()
        return int(next(line for line in lines if line.startswith(OWN_PEAK)).split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 * 1024)  # macOS: in bytes
