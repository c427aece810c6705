import subprocess
import sys
from pathlib import Path

import pytest

from tests.glb.build import bumpy, one_mesh
from tests.support.cache import CHECKOUT

HEAVY = (
    "typer",
    "psycopg",
    "pydantic",
    "procrastinate",
    "httpx",
    "supabase",
    "rich.console",
    "structlog",
)


def imported_by(folder: Path, *arguments: str) -> set[str]:
    answer = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "worker", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(CHECKOUT), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return {line.rpartition("|")[2].strip() for line in answer.stderr.splitlines()}


def test_optimize_imports_nothing_that_it_does_not_need(tmp_path: Path) -> None:
    """Half of a small model's time would be imports otherwise."""
    (tmp_path / "model.glb").write_bytes(one_mesh(bumpy()).data())
    modules = imported_by(tmp_path, "optimize", "model.glb")
    assert "DracoPy" in modules
    assert modules.isdisjoint({*HEAVY, "PIL.Image", "pygltflib"})


def test_what_has_nothing_to_gain_needs_no_codec(tmp_path: Path) -> None:
    """The safe preset touches no geometry."""
    (tmp_path / "model.glb").write_bytes(one_mesh(bumpy()).data())
    modules = imported_by(tmp_path, "optimize", "model.glb", "--preset", "safe")
    assert modules.isdisjoint({*HEAVY, "DracoPy", "PIL.Image"})


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is full")
def test_what_cannot_be_printed_is_an_error(tmp_path: Path) -> None:
    """The quick end of the process loses neither text nor errors."""
    (tmp_path / "model.glb").write_bytes(one_mesh(bumpy()).data())
    with Path("/dev/full").open("wb") as full:
        answer = subprocess.run(
            [sys.executable, "-m", "worker", "inspect", "model.glb"],
            cwd=tmp_path,
            env={"PYTHONPATH": str(CHECKOUT)},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert answer.returncode == 2
    assert answer.stderr == b"error: standard output: can't be written: No space left on device.\n"


def test_it_ends_well_where_nobody_listens(tmp_path: Path) -> None:
    """Also with standard output closed, as some launchers leave it."""
    (tmp_path / "model.glb").write_bytes(one_mesh(bumpy()).data())
    command = f"{sys.executable} -m worker optimize --report none model.glb small.glb >&-"
    answer = subprocess.run(
        ["sh", "-c", command],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CHECKOUT)},
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, b"")
    assert (tmp_path / "small.glb").exists()
