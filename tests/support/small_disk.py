"""A disk that is full when a test says so: a tmpfs, where mounting is allowed."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class SmallDisk:
    path: Path

    def hold(self, pages: int) -> None:
        """So many pages of files from now on, and no more."""
        mount("-o", f"remount,size={pages * PAGE}", str(self.path))

    def hold_files(self, inodes: int) -> None:
        mount("-o", f"remount,nr_inodes={inodes}", str(self.path))


def pages_of(size: int) -> int:
    return -(-size // PAGE)


@contextmanager
def small_disk(path: Path, pages: int) -> Iterator[SmallDisk]:
    path.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size={pages * PAGE}", "tmpfs", str(path))
    except (subprocess.CalledProcessError, FileNotFoundError):
        pytest.skip("no file system may be mounted here")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)
