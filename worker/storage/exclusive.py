"""A file that appears whole or not at all, and never in another's place."""

import errno
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

PRIVATE = 0o600
USUAL = 0o666  # less the umask
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK}


def copy_into_place(source: Path, target: Path) -> None:
    """Raises FileExistsError if somebody was first."""
    with source.open("rb") as reading:
        _make(target, lambda writing: shutil.copyfileobj(reading, writing), USUAL)


def write_into_place(content: bytes, target: Path, mode: int = USUAL) -> None:
    """Raises FileExistsError if somebody was first."""
    _make(target, lambda writing: writing.write(content), mode)


def _make(target: Path, fill: Callable[[BinaryIO], object], mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    half = target.with_name(f".{uuid4()}~")  # no key has a tilde
    descriptor = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(descriptor, "wb") as writing:  # noqa: PTH123 - a descriptor has no path
            fill(writing)
            writing.flush()
            os.fsync(descriptor)
        _link(half, target)
    finally:
        half.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _link(half: Path, target: Path) -> None:
    try:
        os.link(half, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _rename(half, target)


def _rename(half: Path, target: Path) -> None:
    """On file systems without links. Who comes second here replaces equal bytes by equal bytes."""
    if target.exists():
        raise FileExistsError(target)
    half.replace(target)


def _sync_folder(folder: Path) -> None:
    """Only then does the name outlive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
