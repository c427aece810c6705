import os
import pty
import subprocess
import sys
from pathlib import Path

from tests.glb.build import one_mesh
from tests.support.cache import CHECKOUT

END = b"end of it"


def read_until_end(watched: int) -> str:
    seen = b""
    while not seen.endswith(END):
        seen += os.read(watched, 1 << 16)
    return seen.removesuffix(END).decode()


def seen_on_a_terminal(folder: Path, *arguments: str) -> str:
    watched, terminal = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "worker", *arguments],
            cwd=folder,
            env={"PYTHONPATH": str(CHECKOUT), "HOME": str(folder), "TERM": "xterm"},
            stdout=subprocess.DEVNULL,
            stderr=terminal,
            timeout=60,
            check=True,
        )
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
