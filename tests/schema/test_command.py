"""`meshqueue migrate` as a user calls it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.database import Database

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture
def meshqueue(tmp_path: Path) -> "Command":
    return Command(tmp_path)


class Command:
    """Runs in a folder without a .env and in an environment that names only the database."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        return subprocess.run(
            [sys.executable, "-m", "worker", *arguments],
            cwd=self._folder,
            env={**kept, "PYTHONPATH": str(CHECKOUT), "DATABASE_URL": url},
            text=True,
            capture_output=True,
            check=False,
            timeout=100,
        )


def test_migrate_says_what_it_did(project: Database, meshqueue: Command) -> None:
    """First everything is pending, then it is applied, then there is nothing to do."""
    pending = meshqueue(project.url(), "migrate", "--check")
    assert (pending.returncode, "pending: migration 0001_bookkeeping" in pending.stdout) == (
        1,
        True,
    )
    applied = meshqueue(project.url(), "migrate")
    assert (applied.returncode, "\ndone: " in applied.stdout) == (0, True), applied.stderr
    again = meshqueue(project.url(), "migrate", "--check")
    assert (again.returncode, again.stdout) == (0, "nothing to do\n")


def test_the_printed_bundle_is_all_there_is_on_standard_output(
    project: Database, meshqueue: Command
) -> None:
    """It can be redirected into a file, and needs no database."""
    printed = meshqueue("", "migrate", "--bundle")
    assert (printed.returncode, printed.stderr) == (0, "")
    project.postgres().execute(printed.stdout)
    assert meshqueue(project.url(), "migrate", "--check").returncode == 0


@pytest.mark.parametrize(
    ("url", "arguments", "told"),
    [
        ("", ["migrate"], "DATABASE_URL is not set"),
        ("postgresql://p@h:6543/postgres", ["migrate"], "transaction pooler"),
        ("postgresql://p@127.0.0.1:1/postgres", ["migrate"], "does not answer"),
        ("", ["migrate", "--since", "1"], "--since belongs to --bundle"),
        ("", ["migrate", "--bundle", "--check"], "use it alone"),
        ("", ["migrate", "--bundle", "--since", "999"], "--since 999: this release has"),
    ],
)
def test_an_error_is_one_message_and_code_2(
    meshqueue: Command, url: str, arguments: list[str], told: str
) -> None:
    """No traceback, nothing on standard output, and what to do about it."""
    failed = meshqueue(url, *arguments)
    assert (failed.returncode, failed.stdout) == (2, "")
    assert told in failed.stderr
    assert "Traceback" not in failed.stderr


def test_help_names_the_exit_codes(meshqueue: Command) -> None:
    """A script can rely on what the help says about --check."""
    text = " ".join(meshqueue("", "migrate", "--help").stdout.replace("│", " ").split())
    assert "Exit code 0: nothing, 1: something is pending" in text
