"""Writes the document: the bytes in use one after the other, each aligned as it was."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from worker.glb.container import Buffer, Json, write_container
from worker.glb.draft import Draft
from worker.glb.extensions import COMPRESSED_VIEW, VIEWS

METADATA = "EXT_structural_metadata"  # its values are read eight bytes at a time


@dataclass(slots=True)
class Packing:
    alignment: int
    parts: list[Buffer] = field(default_factory=list)
    length: int = 0

    def add(self, content: Buffer, phase: int = 0) -> int:
        """Append at an offset that leaves `phase` when divided by the alignment."""
        padding = (phase - self.length) % self.alignment
        start = self.length + padding
        self.parts += [bytes(padding), content]
        self.length = start + len(content)
        return start


def assemble(draft: Draft) -> bytes:
    document = draft.document
    packing = Packing(8 if any(use.name == METADATA for use in draft.uses) else 4)
    if document.owns_buffer_0 or draft.contents:
        pack(draft, packing)
        packing.add(b"")
        set_buffer(draft, packing.length)
    return write_container(document.root, packing.parts, document.extra)


def pack(draft: Draft, packing: Packing) -> None:
    places = list(old_places(draft))
    for start, end, holders in overlapping(places):
        moved = packing.add(draft.document.binary[start:end], start % packing.alignment) - start
        for holder in holders:
            holder["byteOffset"] = holder.get("byteOffset", 0) + moved
    for index, content in sorted(draft.contents.items()):
        draft.document.items(VIEWS)[index]["byteOffset"] = packing.add(content)


def old_places(draft: Draft) -> Iterator[Json]:
    """Whatever names a place in buffer 0: views, and what stands compressed behind them."""
    for index, view in enumerate(draft.document.items(VIEWS)):
        if index not in draft.contents and view["buffer"] == 0:
            yield view
        for name in COMPRESSED_VIEW & (view.get("extensions") or {}).keys():
            if view["extensions"][name].get("buffer") == 0:
                yield view["extensions"][name]


def overlapping(places: list[Json]) -> Iterator[tuple[int, int, list[Json]]]:
    """Places that share bytes go on sharing them, so they move together."""
    ordered = sorted(places, key=lambda place: place.get("byteOffset", 0))
    start, end, together = 0, 0, list[Json]()
    for place in ordered:
        begin = place.get("byteOffset", 0)
        if together and begin >= end:
            yield start, end, together
            together = []
        if not together:
            start = end = begin
        together.append(place)
        end = max(end, begin + place["byteLength"])
    if together:
        yield start, end, together


def set_buffer(draft: Draft, length: int) -> None:
    """A buffer of no length is no valid glTF; one that anything names keeps its number."""
    buffers = draft.document.items("buffers") or [{}]
    draft.document.root["buffers"] = buffers
    if length or len(buffers) > 1 or draft.frozen or draft.document.items(VIEWS):
        buffers[0]["byteLength"] = length
    else:
        del draft.document.root["buffers"]
