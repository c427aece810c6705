"""The commands that run the whole pipeline, as a newcomer starts them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.database import Database
from tests.support.proxy import proxy_to

pytestmark = pytest.mark.newest_postgres

TIMEOUT = 100


def environment(home: Path, **more: str) -> dict[str, str]:
    """A machine with nothing set: no database, no key."""
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG")}
    root = str(Path(__file__).parents[2])
    return {**kept, "PYTHONPATH": root, "MESHQUEUE_HOME": str(home / "home"), **more}


def meshqueue(home: Path, *arguments: str, **more: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "worker", *arguments],
        cwd=home,
        env=environment(home, **more),
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def test_make_writes_a_model(tmp_path: Path) -> None:
    """One command from nothing to a GLB and the other format that was asked for."""
    done = meshqueue(
        tmp_path, "make", "a brass key", "-o", "key.glb", "--polycount", "500", "--format", "fbx"
    )
    assert done.returncode == 0, done.stderr
    assert "simulated" in done.stdout.splitlines()[0]
    assert (tmp_path / "key.glb").read_bytes()[:4] == b"glTF"
    assert (tmp_path / "key.fbx").stat().st_size > 0
    assert "PREVIEW" in done.stdout.splitlines()[-1]


def test_make_names_what_is_wrong(tmp_path: Path) -> None:
    """A request that can't be fulfilled ends with one message and code 2, and writes no file."""
    done = meshqueue(tmp_path, "make", "a key", "--polycount", "5")
    assert done.returncode == 2
    assert "remesh.target_polycount" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "model.glb").exists()


@pytest.mark.parametrize("provider", ["foo", "openai"])
def test_make_names_an_unknown_provider(tmp_path: Path, provider: str) -> None:
    """Before anything is started, and before anything is said of an account."""
    done = meshqueue(tmp_path, "make", "a key", "--provider", provider)
    assert (done.returncode, done.stdout) == (2, "")
    said = f"error: --provider {provider}: there is none of this name; say meshy or tripo.\n"
    assert done.stderr == said


@pytest.mark.parametrize("output", [".", "key.fbx", "model.glb/key.glb"])
def test_make_looks_where_it_is_to_write(tmp_path: Path, output: str) -> None:
    """Before a model is paid for: a folder, the name of another format, a file as a folder."""
    (tmp_path / "model.glb").write_text("mine")
    done = meshqueue(tmp_path, "make", "a key", "-o", output)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {output}: ")
    assert len(done.stderr.splitlines()) == 1


def test_demo_shows_the_main_job(tmp_path: Path) -> None:
    """From nothing to a written GLB; a cancel and its refund besides."""
    done = meshqueue(tmp_path, "demo")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "katana.glb").read_bytes()[:4] == b"glTF"
    for promised in ("SUCCEEDED", "CANCELED", "nothing is charged twice", "is free again"):
        assert promised in done.stdout


def test_run_stops_when_asked(tmp_path: Path) -> None:
    """SIGTERM ends a worker with code 0, and only that does."""
    command = [sys.executable, "-m", "worker", "run", "--local"]
    options: dict[str, Any] = {"cwd": tmp_path, "env": environment(tmp_path), "text": True}
    with subprocess.Popen(command, stderr=subprocess.PIPE, **options) as worker:
        assert worker.stderr is not None
        lines = []
        for line in worker.stderr:
            lines.append(line)
            if "worker_started" in line:
                worker.send_signal(signal.SIGTERM)
        assert worker.wait(TIMEOUT) == 0
    told = "".join(lines)
    assert "Meshy (simulated)" in told
    assert "at most 4" in told


async def test_run_waits_for_a_database_that_is_away(db: Database, tmp_path: Path) -> None:
    """A host that starts it ten times in vain would leave it at that."""
    async with proxy_to(db.url()) as proxy:
        proxy.go_down()
        worker = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "worker", "run"),
            cwd=tmp_path,
            env=environment(tmp_path, **HOSTED, DATABASE_URL=proxy.url, PORT=free_port()),
            stderr=subprocess.PIPE,
        )
        await line_with(worker, "can't be reached")
        proxy.come_back()
        await line_with(worker, "worker_started")
        worker.terminate()
        assert await worker.wait() == 0


HOSTED = {
    "SUPABASE_URL": "https://project.supabase.co",
    "SUPABASE_SERVICE_ROLE_KEY": "sb_secret_nothing",
    "MESHQUEUE_SIMULATE": "true",
}


async def line_with(process: asyncio.subprocess.Process, words: str) -> None:
    assert process.stderr is not None
    async for line in process.stderr:
        if words in line.decode():
            return
    raise AssertionError(f"it ended with {await process.wait()} before {words!r}")


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return str(free.getsockname()[1])


@pytest.mark.parametrize(
    ("variables", "named", "code"),
    [
        ({}, "DATABASE_URL is not set", 2),
        ({"DATABASE_URL": "postgresql://p@h:6543/postgres"}, "transaction pooler", 2),
        ({"DATABASE_URL": "postgresql://p@no.such.host.invalid/postgres"}, "can't be reached", 1),
        ({"PORT": "web"}, "port", 2),
    ],
)
def test_run_refuses_what_cant_work(
    tmp_path: Path, variables: dict[str, str], named: str, code: int
) -> None:
    """A setting that is missing or wrong is named; starting again helps only where it is 1."""
    done = meshqueue(tmp_path, "run", **variables)
    assert done.returncode == code
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_run_refuses_a_port_that_is_taken(tmp_path: Path) -> None:
    """As by another worker on this machine: nothing is begun, and the variable is named."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = meshqueue(tmp_path, "run", "--local", PORT=port)
    assert done.returncode == 2, done.stderr
    assert "PORT" in done.stderr
    assert port in done.stderr
    assert "Traceback" not in done.stderr
    assert "worker_started" not in done.stderr
