"""From the local storage to where the user wants the files."""

import shutil
from pathlib import Path

from worker.errors import ModelFileError
from worker.local.place import Place
from worker.local.user import Row, User
from worker.offline.place import check_writable

OTHER_FORMATS = (".fbx", ".obj", ".usdz", ".stl", ".3mf")


def check_output(output: Path) -> None:
    """Before a model is paid for, not after it."""
    if output.is_dir():
        raise ModelFileError(f"{output}: is a folder. Name a file in it: {output / 'model.glb'}.")
    if output.suffix.lower() in OTHER_FORMATS:
        glb = output.with_suffix(".glb")
        raise ModelFileError(f"{output}: would hold the GLB. Name {glb}; --format adds another.")
    check_writable(output)


def take_files(place: Place, user: User, row: Row, output: Path) -> dict[str, Path]:
    taken = {}
    for file in user.files(row["id"]):
        if file["role"] == "model":
            target = output if file["format"] == "glb" else output.with_suffix(f".{file['format']}")
            copy(place.storage.path(file["bucket"], file["path"]), target)
            taken[file["format"]] = target
    return taken


def copy(source: Path, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, target)
    except OSError as error:
        why = f"{target}: can't be written: {error.strerror}."
        raise ModelFileError(f"{why} The model lies in {source}.") from None
