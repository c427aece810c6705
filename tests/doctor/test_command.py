"""`meshqueue doctor`, as a newcomer starts it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doctor.place import FINE, Place
from tests.support.database import Database
from worker.cli.doctor import led_back
from worker.doctor.check import Checked
from worker.doctor.checks import CHECKS
from worker.doctor.checks.migrations import MIGRATE
from worker.doctor.finding import failing

pytestmark = pytest.mark.newest_postgres

TIMEOUT = 100


def doctor(home: Path, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """On a machine with nothing set."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        [sys.executable, "-m", "worker", "doctor", *arguments],
        cwd=home,
        env={**kept, "PYTHONPATH": root, "MESHQUEUE_HOME": str(home / "home"), **variables},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_a_fresh_local_place(tmp_path: Path) -> None:
    """One command from nothing: all is well, in a table and as JSON."""
    done = doctor(tmp_path, "--local", "--json", PORT="0")
    told = json.loads(done.stdout)
    wrong = [each for each in told["checks"] if each["level"] not in FINE]
    stale = [each for each in wrong if "make manifest" in (each["what_to_do"] or "")]
    assert wrong == stale, done.stderr
    assert done.returncode == (1 if stale else 0)
    table = doctor(tmp_path, "--local", PORT="0")
    assert table.stdout.startswith("environment\n")
    assert "the Postgres in a folder" in table.stdout
    assert "Meshy (simulated)" in table.stdout
    assert table.stderr == ""


def test_advice_for_the_local_place_leads_there() -> None:
    """Who looked with --local does not migrate the hosted project."""
    made = Checked(CHECKS[0], failing("pending", MIGRATE), 0.1)
    assert led_back(made, local=True).finding.what_to_do == "Run `meshqueue migrate --local`."
    assert led_back(made, local=False) == made


def test_nothing_is_set(tmp_path: Path) -> None:
    """What is missing is named, with what to set; nothing is a traceback."""
    done = doctor(tmp_path)
    assert done.returncode == 2
    for told in ("DATABASE_URL is not set", "SUPABASE_URL", "no provider has a key", "--local"):
        assert told in done.stdout
    assert done.stderr == ""


def test_a_variable_that_cant_be_read(tmp_path: Path) -> None:
    """A wrong value is a finding like another."""
    done = doctor(tmp_path, "--json", PORT="web")
    assert done.returncode == 2
    (only,) = json.loads(done.stdout)["checks"]
    assert "port" in only["what"]


def test_a_real_address(tmp_path: Path, place: Place, db: Database) -> None:
    """The environment alone leads to database and storage."""
    done = doctor(
        tmp_path,
        DATABASE_URL=db.url(),
        SUPABASE_URL=place.storage.url,
        SUPABASE_SECRET_KEY="sb_secret_wrong",
        MESHQUEUE_SIMULATE="true",
        PORT="0",
    )
    assert done.returncode == 2
    assert "all in force" in done.stdout
    assert "does not accept SUPABASE_SERVICE_ROLE_KEY" in done.stdout
    assert "sb_secret_wrong" not in done.stdout
