import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from worker.embedded.account import Account
from worker.embedded.binaries import Binaries
from worker.embedded.server import SUPERUSER
from worker.errors import EmbeddedPostgresError

OUR_SETTINGS = "meshqueue.conf"
BUILTIN_LOCALES_SINCE = 17
START_TIMEOUT = 120
STOP_TIMEOUT = 60
LINES_OF_LOG = 12


@dataclass(frozen=True)
class Cluster:
    """The data folder of a server, and the programs that make, start and stop it."""

    home: Path
    binaries: Binaries
    account: Account

    @property
    def data(self) -> Path:
        return self.home / "cluster"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    def ensure(self, password: str) -> None:
        if self.data.exists():
            self._refuse_another_major()
        else:
            self._create(password)

    def start(self, settings: Mapping[str, str]) -> None:
        self._write_settings(settings)
        answer = self._pg_ctl("start", "-w", "-t", str(START_TIMEOUT), "-l", str(self.log))
        if answer.returncode != 0:
            raise EmbeddedPostgresError(
                f"PostgreSQL {self.binaries.version} did not start in {self.data}:\n"
                f"{self._end_of_log() or answer.stdout}"
            )

    def stop(self) -> None:
        self._pg_ctl("stop", "-w", "-t", str(STOP_TIMEOUT), "-m", "fast")

    def remove(self) -> None:
        shutil.rmtree(self.data)

    def _pg_ctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.account.run(self.binaries.folder / "pg_ctl", "-D", self.data, *arguments)

    def _refuse_another_major(self) -> None:
        major = (self.data / "PG_VERSION").read_text().strip()
        if major != str(self.binaries.major):
            raise EmbeddedPostgresError(
                f"{self.data} was made by PostgreSQL {major}, and {self.binaries.folder} is "
                f"PostgreSQL {self.binaries.major}. Use another folder, or remove this one if its "
                "data is not needed."
            )

    def _create(self, password: str) -> None:
        unfinished = self.home / "cluster.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        self.account.own(unfinished)
        with self._readable_password(password) as file:
            self._initdb(unfinished, file)
        with (unfinished / "postgresql.conf").open("a") as settings:
            settings.write(f"include_if_exists = '{OUR_SETTINGS}'\n")
        unfinished.rename(self.data)

    def _initdb(self, folder: Path, password_file: Path) -> None:
        answer = self.account.run(
            self.binaries.folder / "initdb",
            *("-D", folder, "-U", SUPERUSER, "--pwfile", password_file),
            *("--auth-local=trust", "--auth-host=scram-sha-256"),
            *("--encoding=UTF8", "--no-sync", "--no-instructions"),
            *self._locale(),
        )
        if answer.returncode != 0:
            raise EmbeddedPostgresError(f"initdb could not make {folder}:\n{answer.stdout}")

    def _locale(self) -> tuple[str, ...]:
        """The same on every machine: what the system offers differs."""
        if self.binaries.major < BUILTIN_LOCALES_SINCE:
            return ("--locale=C",)
        return ("--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")

    @contextmanager
    def _readable_password(self, password: str) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(dir=self.home) as folder:
            self.account.own(Path(folder))
            file = Path(folder) / "password"
            file.write_text(password)
            os.chown(file, self.account.uid, self.account.gid)
            yield file

    def _write_settings(self, settings: Mapping[str, str]) -> None:
        lines = [f"{name} = {_quoted(value)}\n" for name, value in settings.items()]
        file = self.data / OUR_SETTINGS
        file.write_text("".join(lines))
        file.chmod(0o644)

    def _end_of_log(self) -> str:
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-LINES_OF_LOG:])


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
