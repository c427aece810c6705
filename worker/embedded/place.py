import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from worker.embedded.account import ROOTS_HOME, Account
from worker.embedded.binaries import Binaries
from worker.embedded.lock import exclusive
from worker.errors import EmbeddedPostgresError

# The kernel's limit is 108 bytes on Linux and 104 on macOS, with the name of the socket.
LONGEST_SOCKET = 100


def data_home(wanted: Path, account: Account) -> Path:
    """Give a folder that the server's account reaches: the wanted one, if at all possible.

    No permission of a folder that was there before is ever widened.
    """
    wanted = wanted.absolute()
    if account.is_ours:
        wanted.mkdir(mode=0o700, parents=True, exist_ok=True)
        return wanted
    if account.reaches(_nearest_existing(wanted)):
        wanted.mkdir(mode=0o711, parents=True, exist_ok=True)
        if account.reaches(wanted):
            return wanted
    elsewhere = ROOTS_HOME / "data" / f"{wanted.name}-{_short_hash(wanted)}"
    _make_reachable(elsewhere)
    return elsewhere


def socket_folder(home: Path, account: Account) -> Path:
    folder = home / "socket"
    if len(os.fsencode(folder / ".s.PGSQL.65535")) > LONGEST_SOCKET:
        folder = _short_folders(account) / _short_hash(home)
    account.own(folder)
    return folder


def reachable_binaries(binaries: Binaries, account: Account) -> Binaries:
    """Copy the wheel's programs once where the server's account can't enter the venv."""
    if account.can_run(binaries.folder / "postgres"):
        return binaries
    _make_reachable(ROOTS_HOME)
    with exclusive(ROOTS_HOME / "copy.lock"):
        copy = ROOTS_HOME / f"postgres-{binaries.version}"
        if not copy.exists():
            _copy_programs(binaries.folder.parent, copy)
    inside = copy / binaries.folder.parent.parent.name / binaries.folder.parent.name
    return Binaries(inside / binaries.folder.name, binaries.version)


def _copy_programs(tree: Path, copy: Path) -> None:
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    package = tree.parent
    shutil.copytree(tree, unfinished / package.name / tree.name, symlinks=True)
    # The programs find their libraries beside the package (Linux) or inside it (macOS).
    for libraries in (package.with_name(f"{package.name}.libs"), package / ".dylibs"):
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.relative_to(package.parent))
    _let_all_read(unfinished)
    unfinished.rename(copy)


def _let_all_read(tree: Path) -> None:
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            runs = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if runs else 0o644)


def _make_reachable(folder: Path) -> None:
    """Only for folders below root's home for us, which are ours."""
    for ours in (ROOTS_HOME, *reversed(folder.parents), folder):
        if ours.is_relative_to(ROOTS_HOME):
            ours.mkdir(exist_ok=True)
            ours.chmod(0o711)


def _short_folders(account: Account) -> Path:
    if not account.is_ours:
        _make_reachable(ROOTS_HOME / "run")
        return ROOTS_HOME / "run"
    folder = Path(tempfile.gettempdir()) / f"meshqueue-{account.uid}"
    folder.mkdir(mode=0o700, exist_ok=True)
    _refuse_unless_private(folder, account)
    return folder


def _refuse_unless_private(folder: Path, account: Account) -> None:
    """The name can be guessed, so somebody else may have made it first."""
    found = folder.lstat()
    if folder.is_symlink() or found.st_uid != account.uid or found.st_mode & 0o077:
        raise EmbeddedPostgresError(
            f"{folder} should be a folder that only {account.name} can enter. Remove it, "
            "or choose a shorter path for the data, so that the socket fits beside it."
        )


def _nearest_existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _short_hash(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:12]
