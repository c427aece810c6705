"""Which file becomes which."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from worker.errors import ModelFileError

PIPE = None  # standard input or output
Place = Path | None


class Errand(NamedTuple):
    source: Place
    target: Place

    @property
    def source_name(self) -> str:
        return str(self.source) if self.source else "standard input"

    @property
    def target_name(self) -> str:
        return str(self.target) if self.target else "standard output"


def errands(source: str, target: str | None, *, in_place: bool) -> list[Errand]:
    if in_place and (target is not None or source == "-"):
        raise ModelFileError("--in-place replaces IN itself: give it a file or folder, and no OUT.")
    found = place_of(source)
    if found is None:
        return [Errand(PIPE, PIPE if target in (None, "-") else Path(str(target)))]
    if found.is_dir():
        return errands_of_folder(found, folder_target(found, target, in_place=in_place))
    return [Errand(found, file_target(found, target, in_place=in_place))]


def place_of(source: str) -> Place:
    if source == "-":
        return PIPE
    found = Path(source)
    try:
        found.stat()
    except FileNotFoundError:
        raise ModelFileError(f"{source}: there is no such file or folder.") from None
    except OSError as error:
        raise ModelFileError(f"{source}: can't be read: {error.strerror}.") from None
    return found


def file_target(source: Path, target: str | None, *, in_place: bool) -> Place:
    if in_place:
        return source
    if target == "-":
        return PIPE
    if target is None:
        return source.with_name(f"{source.stem}.optimized.glb")
    wanted = Path(target)
    if wanted.is_dir():
        wanted /= source.name
    return not_the_source(source, wanted)


def folder_target(source: Path, target: str | None, *, in_place: bool) -> Path:
    if in_place:
        return source
    if target == "-":
        raise ModelFileError("a folder can't be written to standard output: name a folder as OUT.")
    wanted = (
        Path(target) if target else source.resolve().with_name(f"{source.resolve().name}.optimized")
    )
    if wanted.exists() and not wanted.is_dir():
        raise ModelFileError(f"{wanted}: OUT must be a folder, as IN is one.")
    return not_the_source(source, wanted)


def not_the_source(source: Path, wanted: Path) -> Path:
    if wanted.exists() and wanted.samefile(source):
        raise ModelFileError(f"{wanted}: OUT is IN. Name another place, or say --in-place.")
    return wanted


def errands_of_folder(source: Path, target: Path) -> list[Errand]:
    todo = [Errand(file, target / file.relative_to(source)) for file in models(source, target)]
    if not todo:
        raise ModelFileError(f"{source}: there is no .glb file in this folder or below it.")
    return todo


def models(source: Path, target: Path) -> Iterator[Path]:
    """What an earlier run put into a folder below is not optimised once more."""
    inside = target.resolve() if target.resolve() != source.resolve() else None
    for file in sorted(source.rglob("*")):
        if file.suffix.lower() != ".glb" or not file.is_file():
            continue
        if inside is None or not file.resolve().is_relative_to(inside):
            yield file
