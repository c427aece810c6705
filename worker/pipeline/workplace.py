"""A folder of this machine for the files of one piece of work, and what the dead left in theirs.

SIGKILL cleans up nothing: of a worker that is killed for its memory some hundred megabytes stay,
each time. A lock tells who lives, for the kernel gives it back; a pid does not, it is 1 in every
container.
"""

import asyncio
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

PREFIX = "meshqueue-work-"
LOCK = "lock"
YOUNG = 60.0  # s, before which a folder without a lock may be one that is just being made


@asynccontextmanager
async def workplace() -> AsyncIterator[Path]:
    """Of its own, and gone afterwards. Large files are removed in a thread: that takes a while."""
    home = Path(tempfile.gettempdir())
    await asyncio.to_thread(remove_abandoned, home)
    folder, lock = new_workplace(home)
    try:
        yield folder
    finally:
        await asyncio.shield(asyncio.to_thread(leave, folder, lock))


def new_workplace(home: Path) -> tuple[Path, int]:
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=home))
    try:
        return folder, new_lock(folder)
    except OSError:  # a full disk may have room for a folder, and none for a file
        shutil.rmtree(folder, ignore_errors=True)
        raise


def new_lock(folder: Path) -> int:
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except OSError:
        os.close(lock)
        raise
    return lock


def leave(folder: Path, lock: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    os.close(lock)


def remove_abandoned(home: Path) -> None:
    for folder in home.glob(f"{PREFIX}*"):
        with claimed(folder) as is_ours:
            if is_ours:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def claimed(folder: Path) -> Iterator[bool]:
    """Nobody lives there. What belongs to another account, or is a link, is left alone."""
    try:
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_NOFOLLOW)
    except FileNotFoundError:
        yield is_old(folder)
        return
    except OSError:
        yield False
        return
    try:
        yield is_old(folder) and locked(lock)
    finally:
        os.close(lock)


def is_old(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    return found.st_uid == os.geteuid() and time.time() - found.st_mtime > YOUNG


def locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
