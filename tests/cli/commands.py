"""Runs the command as a user does: another process, in a folder of its own."""

import subprocess
import sys
from pathlib import Path

from tests.support.cache import CHECKOUT


def meshqueue(
    *arguments: str | Path, folder: Path, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "worker", *map(str, arguments)],
        cwd=folder,
        env={"PYTHONPATH": str(CHECKOUT), "HOME": str(folder), "COLUMNS": "200"},
        input=stdin,
        capture_output=True,
        timeout=60,
        check=False,
    )
