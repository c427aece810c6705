import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.glb.build import one_mesh
from tests.support.cache import CHECKOUT

END = b"end of it"


def read_until_end(watched: int) -> str:
    seen = b""
    while not seen.endswith(END):
        seen += os.read(watched, 1 << 16)
    return seen.removesuffix(END).decode()


def run(
    folder: Path, arguments: Sequence[str], *, stdout: int, stderr: int
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(CHECKOUT), "HOME": str(folder), "TERM": "xterm"},
        timeout=60,
        stdout=stdout,
        stderr=stderr,
        check=False,
    )


def seen_on_a_terminal(folder: Path, *arguments: str) -> str:
    watched, terminal = pty.openpty()
    try:
        run(folder, arguments, stdout=subprocess.DEVNULL, stderr=terminal)
        os.write(terminal, END)
        return read_until_end(watched)
    finally:
        os.close(terminal)
        os.close(watched)


def test_a_terminal_shows_a_bar_and_is_left_clean(tmp_path: Path) -> None:
    """It comes to 100 % and is gone when the work is done."""
    (tmp_path / "model.glb").write_bytes(one_mesh().data())
    seen = seen_on_a_terminal(tmp_path, "optimize", "model.glb")
    assert "100%" in seen
    assert seen.endswith("\x1b[2K")


def test_a_model_is_not_poured_out_on_a_terminal(tmp_path: Path) -> None:
    """Bytes are for files and pipes; the error says so before anything is done."""
    (tmp_path / "model.glb").write_bytes(one_mesh().data())
    watched, terminal = pty.openpty()
    try:
        done = run(tmp_path, ["optimize", "model.glb", "-"], stdout=terminal, stderr=terminal)
        os.write(terminal, END)
        assert "standard output is a terminal" in read_until_end(watched)
        assert done.returncode == 2
    finally:
        os.close(terminal)
        os.close(watched)
