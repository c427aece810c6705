import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from worker.errors import EmbeddedPostgresError

READY = "ready"
READY_TIMEOUT = 120.0
PAUSE = 0.05
PROC = Path("/proc")  # absent on macOS


@dataclass(frozen=True)
class Postmaster:
    """What a running server says of itself in its lock file."""

    pid: int
    port: int
    socket: Path
    address: str
    status: str


def find_postmaster(data: Path) -> Postmaster | None:
    """Give the server that runs on this folder, ready; clear what a killed one left behind."""
    for found in _states(data):
        if found is None:
            return None
        if not _runs_on(found.pid, data):
            _forget(data, found)
            return None
        if found.status == READY:
            return found
    raise EmbeddedPostgresError(
        f"the PostgreSQL on {data} has not become ready for {READY_TIMEOUT:.0f} s. "
        f"Look at {data / 'server.log'}."
    )


def _states(data: Path) -> Iterator[Postmaster | None]:
    give_up = time.monotonic() + READY_TIMEOUT
    while time.monotonic() < give_up:
        yield _read(data / "postmaster.pid")
        time.sleep(PAUSE)


def _read(file: Path) -> Postmaster | None:
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (8 - len(lines))
    pid, _, _, port, socket, address, _, status = (line.strip() for line in lines[:8])
    return Postmaster(int(pid or 0), int(port or 0), Path(socket), address, status)


def _runs_on(pid: int, data: Path) -> bool:
    """After a reboot the number may belong to any program, so ask which folder it works in."""
    if pid <= 0:
        return False
    if (PROC / "self").exists():
        return _working_folder(pid) == data.resolve()
    shown = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return str(data) in shown.stdout


def _working_folder(pid: int) -> Path | None:
    try:
        return (PROC / str(pid) / "cwd").readlink()
    except OSError:
        return None


def _forget(data: Path, dead: Postmaster) -> None:
    (data / "postmaster.pid").unlink(missing_ok=True)
    for name in (f".s.PGSQL.{dead.port}", f".s.PGSQL.{dead.port}.lock"):
        (dead.socket / name).unlink(missing_ok=True)
