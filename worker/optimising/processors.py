"""How many processors this container may use; the host may have many more."""

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def processors(cgroups: Path = CGROUPS) -> int:
    """A quota of one and a half gives two: the second is idle half of the time, not all of it."""
    known = [usable(), *(math.ceil(quota) for quota in quotas(cgroups))]
    return max(1, min(known))


def usable() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def quotas(cgroups: Path) -> list[float]:
    """Of version 2 and version 1; none where there is no limit."""
    new = words(cgroups / "cpu.max")
    old = words(cgroups / "cpu/cpu.cfs_quota_us") + words(cgroups / "cpu/cpu.cfs_period_us")
    return [quota for pair in (new, old) if (quota := ratio(pair)) is not None]


def words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def ratio(pair: list[str]) -> float | None:
    """`max` and -1 mean that there is no limit."""
    try:
        quota, period = map(int, pair)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None
