"""What somebody types after their first model, each in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from tests.support.cache import CHECKOUT

pytestmark = pytest.mark.newest_postgres

TIMEOUT = 100


def meshqueue(home: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=home,
        env={**kept, "PYTHONPATH": str(CHECKOUT), "MESHQUEUE_HOME": str(home / "home")},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_the_first_model_can_be_looked_at(tmp_path: Path) -> None:
    """`make` has stopped its server; each command starts it, answers, and stops it again."""
    assert meshqueue(tmp_path, "make", "a brass key", "--no-refine").returncode == 0
    listed = meshqueue(tmp_path, "jobs", "--local")
    assert listed.returncode == 0, listed.stderr
    (line,) = listed.stdout.splitlines()[1:]
    assert line.endswith("a brass key")
    shown = meshqueue(tmp_path, "jobs", "show", line.split()[0], "--local", "--json")
    told = orjson.loads(shown.stdout)
    assert (told["job"]["status"], told["situation"]["waits_for"]) == ("SUCCEEDED", "over")
    assert meshqueue(tmp_path, "credits", "audit", "--local").returncode == 0
    assert not list(tmp_path.rglob("postmaster.pid"))


def test_what_is_wrong_is_one_line(tmp_path: Path) -> None:
    """Code 2, no traceback, as with every command."""
    for arguments in (["jobs"], ["jobs", "--local"], ["credits", "show"], ["top"]):
        answer = meshqueue(tmp_path, *arguments)
        assert answer.returncode == 2
        assert answer.stderr.startswith("error: ")
        assert len(answer.stderr.splitlines()) == 1
