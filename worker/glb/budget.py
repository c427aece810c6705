"""What a file describes in all. Little JSON may ask for much memory: as zeros, or again and again.

Not counted are the accessors that Draco fills: they have no bytes, and nobody here makes any.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.layout import extent
from worker.glb.limits import MAX_DESCRIBED_BYTES, MAX_DESCRIBED_TIMES_FILE

DRACO = "KHR_draco_mesh_compression"
FLOAT = 5126
FLOATS_FOR_BYTES = 4  # the most that taking quantization out makes of them


def check_stored(document: Document) -> int:
    """What lies in the file, counted as often as it is told of in another way."""
    check_total("images", pictured_bytes(document), document)
    return check_total("accessors", stored_bytes(document), document)


def check_made_up(document: Document, stored: int) -> None:
    check_total("accessors", stored + made_up_bytes(document), document)


def check_total(place: str, total: int, document: Document) -> int:
    if total > max(MAX_DESCRIBED_BYTES, MAX_DESCRIBED_TIMES_FILE * document.size):
        raise GlbError(place, f"describe {total} bytes in a file of {document.size}")
    return total


def pictured_bytes(document: Document) -> int:
    """Any number of images may name one view; what views that differ have in common counts."""
    views = document.items("bufferViews")
    different = {picture_place(views, image) for image in document.items("images")}
    return sum(place.length for place in different)


class PicturePlace(NamedTuple):
    """Images of the same place, under the same name, are the same picture."""

    buffer: int
    offset: int
    length: int
    mime: str


def picture_place(views: Sequence[Json], image: Json) -> PicturePlace:
    if "bufferView" not in image:
        return PicturePlace(0, 0, 0, "")
    view = views[image["bufferView"]]
    mime = str(image.get("mimeType", ""))
    return PicturePlace(view["buffer"], view.get("byteOffset", 0), view["byteLength"], mime)


def stored_bytes(document: Document) -> int:
    """Accessors that differ may lie over the same bytes a thousand times."""
    views = document.items("bufferViews")
    different = {
        (accessor["bufferView"], accessor.get("byteOffset", 0), accessor["count"]): accessor
        for accessor in document.items("accessors")
        if "bufferView" in accessor
    }
    return sum(extent(a, views[a["bufferView"]].get("byteStride")) for a in different.values())


def made_up_bytes(document: Document) -> int:
    """Of accessors that must be filled first, each time that they are read."""
    accessors = document.items("accessors")
    if all(is_as_stored(accessor) for accessor in accessors):
        return 0
    read = (accessors[index] for index in reads(document))
    return sum(extent(accessor, None) for accessor in read if not is_as_stored(accessor)) + (
        FLOATS_FOR_BYTES * sum(extent(accessors[index], None) for index in deltas(document))
    )


def is_as_stored(accessor: Json) -> bool:
    return "bufferView" in accessor and "sparse" not in accessor


def reads(document: Document) -> Iterator[int]:
    """Once for each geometry. Primitives that are the same geometry are read together."""
    different = {tuple(sorted(read_of(primitive))) for primitive in primitives(document)}
    return (index for named in different for _, index in named)


def read_of(primitive: Json) -> Iterator[tuple[str, int]]:
    """By name, the indices without one. Beside what Draco fills there may be other attributes."""
    payload = (primitive.get("extensions") or {}).get(DRACO)
    if payload is None and "indices" in primitive:
        yield "", primitive["indices"]
    filled = (payload or {}).get("attributes")
    for name, index in primitive["attributes"].items():
        if not isinstance(filled, dict) or name not in filled:
            yield name, index


def deltas(document: Document) -> set[int]:
    """Of morph targets only those in whole numbers are ever read."""
    accessors = document.items("accessors")
    named = {
        index
        for primitive in primitives(document)
        for target in primitive.get("targets", ())
        for index in target.values()
    }
    return {
        index
        for index in named
        if accessors[index]["componentType"] != FLOAT and not is_as_stored(accessors[index])
    }


def primitives(document: Document) -> Iterator[Json]:
    return (primitive for mesh in document.items("meshes") for primitive in mesh["primitives"])
