"""Reads a file and writes one: whole, or not at all."""

import os
import sys
from pathlib import Path

from worker.errors import ModelFileError
from worker.offline.errands import Place


def read(source: Place) -> bytes:
    if source is None:
        return sys.stdin.buffer.read()
    try:
        return source.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{source}: can't be read: {error.strerror}.") from None


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


def replace(target: Path, data: bytes) -> None:
    """Nobody, at no moment, sees half a file; a link is followed, not replaced."""
    target = target.resolve()
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
