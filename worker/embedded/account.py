import os
import pwd
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from worker.errors import EmbeddedPostgresError

DEDICATED = "meshqueue"
STAND_INS = ("postgres", "nobody")
# Where root keeps what the server's own account must reach.
ROOTS_HOME = Path("/var/lib/meshqueue")
PROGRAM_TIMEOUT = 180


@dataclass(frozen=True)
class Account:
    """Who runs the server: Postgres refuses to be run by root."""

    name: str
    uid: int
    gid: int

    @property
    def is_ours(self) -> bool:
        return self.uid == os.geteuid()

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(word) for word in command],
            user=None if self.is_ours else self.uid,
            group=None if self.is_ours else self.gid,
            extra_groups=None if self.is_ours else [],
            cwd="/",
            env=_plain_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PROGRAM_TIMEOUT,
            check=False,
        )

    def reaches(self, folder: Path) -> bool:
        return self.run("test", "-x", folder).returncode == 0

    def can_run(self, program: Path) -> bool:
        try:
            return self.run(program, "--version").returncode == 0
        except PermissionError:
            return False

    def own(self, folder: Path) -> None:
        """Make a folder that only this account, and root, can enter."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.is_ours:
            os.chown(folder, self.uid, self.gid, follow_symlinks=False)


def server_account() -> Account:
    if os.geteuid() != 0:
        return _known(pwd.getpwuid(os.geteuid()))
    if not _exists(DEDICATED):
        _create(DEDICATED)
    for name in (DEDICATED, *STAND_INS):
        if _exists(name):
            return _known(pwd.getpwnam(name))
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root and no other account was found here. "
        f"Create one: useradd --system {DEDICATED}"
    )


def _exists(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _known(entry: pwd.struct_passwd) -> Account:
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def _create(name: str) -> None:
    if shutil.which("useradd") is None:
        return
    subprocess.run(
        [
            *("useradd", "--system", "--user-group"),
            *("--no-create-home", "--home-dir", str(ROOTS_HOME)),
            *("--shell", "/usr/sbin/nologin", name),
        ],
        capture_output=True,
        timeout=PROGRAM_TIMEOUT,
        check=False,  # another process may create it at the same moment; the caller looks again
    )


def _plain_environment() -> dict[str, str]:
    """Without PGDATA, PGPORT and their like, which would steer the server elsewhere."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
