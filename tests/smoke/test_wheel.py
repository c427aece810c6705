"""What an installed meshqueue has with it."""

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from tests.support.cache import CHECKOUT
from worker.smoke.client import client_file


def test_a_wheel_carries_what_is_read_at_run_time(tmp_path: Path) -> None:
    """Without a checkout, the SQL and the client file of `smoke` are there all the same."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=60)
    (wheel,) = tmp_path.glob("*.whl")
    names = ZipFile(wheel).namelist()
    assert "worker/_clients/meshqueue.py" in names
    assert "worker/_sql/migrations/0001_bookkeeping.sql" in names


def test_a_checkout_has_it_beside() -> None:
    """What is developed is what runs."""
    assert client_file() == CHECKOUT / "clients" / "meshqueue.py"
