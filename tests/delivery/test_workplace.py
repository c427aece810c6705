"""Folders for a delivery's files: one each, gone afterwards, and those of the dead with them."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.small_disk import small_disk
from worker.pipeline.workplace import PREFIX, YOUNG, workplace

LIVE = """
import asyncio, sys, time
from worker.pipeline.workplace import workplace

async def live():
    async with workplace() as folder:
        (folder / "model.glb").write_bytes(b"glTF")
        print(folder, flush=True)
        time.sleep(600)

asyncio.run(live())
"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this process and those that it starts take for the machine's temporary folder."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@contextmanager
def neighbour() -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """Another worker of this machine with a delivery of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", LIVE], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    ) as process:
        try:
            assert process.stdout
            yield process, Path(process.stdout.readline().strip())
        finally:
            process.kill()


def names(home: Path) -> list[str]:
    return [entry.name for entry in home.iterdir()]


def age(folder: Path, seconds: float = 2 * YOUNG) -> None:
    then = time.time() - seconds
    os.utime(folder, (then, then))


async def test_nothing_is_left(home: Path) -> None:
    """Whatever was written there goes with it, after a fault too."""
    async with workplace() as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "model.glb").write_bytes(b"glTF")
    with pytest.raises(ZeroDivisionError):
        async with workplace():
            _ = 1 / 0
    assert names(home) == []


async def test_what_the_dead_left_is_removed(home: Path) -> None:
    """SIGKILL cleans up nothing: whoever works here next does."""
    with neighbour() as (process, left):
        process.kill()
        process.wait()
        assert (left / "model.glb").exists()
        age(left)
        async with workplace() as folder:
            assert names(home) == [folder.name]


async def test_a_neighbour_that_lives_keeps_its_files(home: Path) -> None:
    """However long its delivery takes."""
    del home
    with neighbour() as (_, theirs):
        age(theirs, 86_400)
        async with workplace():
            assert (theirs / "model.glb").exists()
        assert (theirs / "model.glb").exists()


async def test_what_is_just_being_made_is_left_alone(home: Path) -> None:
    """Between a folder and its lock there is a moment; an old one without a lock is removed."""
    made = home / f"{PREFIX}made"
    made.mkdir()
    async with workplace():
        assert made.exists()
    age(made)
    async with workplace():
        assert not made.exists()


async def test_what_is_not_ours_is_left_alone(home: Path) -> None:
    """Other names, and links to elsewhere."""
    elsewhere = home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "lock").touch()
    age(elsewhere)
    (home / f"{PREFIX}link").symlink_to(elsewhere)
    async with workplace():
        assert (elsewhere / "lock").exists()


async def test_a_folder_without_room_for_its_lock_is_not_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is not filled further by whoever finds it full."""
    with small_disk(tmp_path / "disk", pages=8) as disk:
        disk.hold_files(2)  # its root, and one folder
        monkeypatch.setattr(tempfile, "tempdir", str(disk.path))
        with pytest.raises(OSError, match="No space left on device"):
            async with workplace():
                pass
        assert names(disk.path) == []
