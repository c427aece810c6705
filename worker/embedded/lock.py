import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.errors import EmbeddedPostgresError

PATIENCE = 180.0
PAUSE = 0.02


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """One process at a time. The kernel gives the lock back when its holder dies."""
    with _opened(path) as descriptor:
        _wait_for(descriptor, path)
        yield


class Users:
    """Who uses the server now: a shared lock for each, so that a killed one is not counted."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def leave(self) -> bool:
        """Say whether this was the last user. Call it under the exclusive lock."""
        try:
            return _try_lock(self._descriptor)
        finally:
            os.close(self._descriptor)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _wait_for(descriptor: int, path: Path) -> None:
    give_up = time.monotonic() + PATIENCE
    while not _try_lock(descriptor):
        if time.monotonic() > give_up:
            raise EmbeddedPostgresError(
                f"another process has held {path} for {PATIENCE:.0f} s. "
                "Wait until it has started or stopped its server, or end it."
            )
        time.sleep(PAUSE)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
