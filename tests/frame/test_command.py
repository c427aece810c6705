import subprocess
import sys
from pathlib import Path

from tests.support.cache import CHECKOUT
from worker import __version__


def meshqueue(*arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(CHECKOUT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_it_tells_its_version(tmp_path: Path) -> None:
    """`meshqueue --version` prints the version and nothing else."""
    assert meshqueue("--version", folder=tmp_path).stdout == f"meshqueue {__version__}\n"


def test_an_error_is_one_message_and_code_2(tmp_path: Path) -> None:
    """What a person can put right is said without a traceback."""
    answer = meshqueue("migrate", folder=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.startswith("error: DATABASE_URL is not set.")
    assert "Traceback" not in answer.stderr
