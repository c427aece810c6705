"""Who refers to which accessor and buffer view, so that they can be replaced, moved and dropped."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.extensions import ACCESSORS, COMPRESSED_VIEW, KNOWN, VIEWS, Use
from worker.glb.paths import CORE_INDICES, WrongShapeError, check_indices_of, slots
from worker.glb.validate import is_whole

Slot = tuple[Any, Any]  # a container and the key in it that holds the index
BINARY_INDICES = [entry for entry in CORE_INDICES if entry[2] in (ACCESSORS, VIEWS)]


def slots_of(document: Document, uses: list[Use], target: str) -> Iterator[Slot]:
    for kind, path, path_target in BINARY_INDICES:
        if path_target == target:
            yield from slots(document.items(kind), path)
    for use in uses:
        for path, path_target in KNOWN.get(use.name, ()):
            if path_target == target:
                yield from slots([use.payload], path)


def check_extensions(document: Document, uses: list[Use]) -> None:
    """As the core's indices are checked, so are those that extensions hold."""
    for use in uses:
        for path, target in KNOWN.get(use.name, ()):
            check_slots(use, path, len(document.items(target)))
    for use in uses:
        if use.name in COMPRESSED_VIEW and "buffer" in use.payload:  # not so on a fallback buffer
            check_compressed_view(document, use)


def check_compressed_view(document: Document, use: Use) -> None:
    buffers = document.items("buffers")
    check_indices_of(use.name, use.payload, ("buffer",), "buffers", len(buffers))
    start, length = use.payload.get("byteOffset", 0), use.payload.get("byteLength")
    if not (is_whole(start) and is_whole(length)):
        raise GlbError(use.name, "buffer, byteOffset and byteLength must be whole numbers")
    if start + length > buffers[use.payload["buffer"]]["byteLength"]:
        raise GlbError(use.name, f"ends at byte {start + length}, after the end of its buffer")


def check_slots(use: Use, path: tuple[str, ...], limit: int) -> None:
    try:
        indices = [owner[key] for owner, key in slots([use.payload], path)]
    except WrongShapeError as error:
        raise GlbError(use.name, f"{'.'.join(path)}: something {error}") from None
    for index in indices:
        if type(index) is not int or not 0 <= index < limit:
            raise GlbError(use.name, f"{'.'.join(path)} is {index!r}, but there are {limit}")


def count_references(document: Document, uses: list[Use], target: str) -> Counter[int]:
    return Counter(owner[key] for owner, key in slots_of(document, uses, target))


def renumber(document: Document, uses: list[Use], target: str, numbers: dict[int, int]) -> None:
    for owner, key in slots_of(document, uses, target):
        owner[key] = numbers[owner[key]]
