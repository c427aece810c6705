"""From the local storage to where the user wants the files."""

import shutil
from pathlib import Path

from worker.local.place import Place
from worker.local.user import Row, User


def take_files(place: Place, user: User, row: Row, output: Path) -> dict[str, Path]:
    output.parent.mkdir(parents=True, exist_ok=True)
    taken = {}
    for file in user.files(row["id"]):
        if file["role"] == "model":
            target = output if file["format"] == "glb" else output.with_suffix(f".{file['format']}")
            shutil.copyfile(place.storage.path(file["bucket"], file["path"]), target)
            taken[file["format"]] = target
    return taken
