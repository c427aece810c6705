"""Reads a file and writes one: whole, or not at all."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE, S_ISREG, S_IWGRP, S_IWOTH, S_IWUSR
from typing import IO

from worker.errors import ModelFileError
from worker.glb.limits import MAX_FILE_BYTES
from worker.offline.errands import Place

PIECE = 1 << 20
WRITABLE = S_IWUSR | S_IWGRP | S_IWOTH  # by anybody at all; what nobody may write is kept so


def read(source: Place, most: int = MAX_FILE_BYTES) -> bytes:
    """A pipe may never end, and neither may a file that is none."""
    if source is None:
        return bounded(sys.stdin.buffer, "standard input", most)
    try:
        with source.open("rb", buffering=0) as file:
            return bounded(file, str(source), most)
    except OSError as error:
        raise ModelFileError(f"{source}: can't be read: {error.strerror}.") from None


def bounded(file: IO[bytes], name: str, most: int) -> bytes:
    found = os.fstat(file.fileno())
    if S_ISREG(found.st_mode) and found.st_size <= most:
        return file.read()
    data = b"".join(pieces(file, most + 1))
    if len(data) > most:
        raise ModelFileError(f"{name}: is larger than {most:,} bytes, the most that is read.")
    return data


def pieces(file: IO[bytes], left: int) -> Iterator[bytes]:
    while left and (piece := file.read(min(left, PIECE))):
        left -= len(piece)
        yield piece


def check_writable(target: Place) -> None:
    """Before minutes of work, not after them."""
    if target is None:
        if sys.stdout.isatty():
            raise ModelFileError(
                "standard output is a terminal: name a file as OUT, or send it into a pipe."
            )
        return
    found = target.resolve()
    if found.exists() and not found.stat().st_mode & WRITABLE:
        raise ModelFileError(f"{target}: is write-protected. Lift that, or name another OUT.")
    folder = next(above for above in found.parents if above.exists())
    if not folder.is_dir():
        raise ModelFileError(f"{target}: can't be written: {folder} is no folder.")
    if not os.access(folder, os.W_OK):
        raise ModelFileError(f"{target}: can't be written: the folder {folder} is read-only.")


def write(target: Place, data: bytes) -> None:
    try:
        if target is None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            replace(target, data)
    except OSError as error:
        name = target or "standard output"
        raise ModelFileError(f"{name}: can't be written: {error.strerror}.") from None


def take_over(part: Path, target: Path) -> None:
    """The mode stays, and a loss of power leaves the old file or the new one."""
    part.chmod(S_IMODE(target.stat().st_mode))
    with part.open("rb") as file:
        os.fsync(file)


def replace(target: Path, data: bytes) -> None:
    """Nobody, at no moment, sees half a file; a link is followed, not replaced."""
    target = target.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        if target.exists():
            take_over(part, target)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
