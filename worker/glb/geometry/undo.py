"""Takes compression out again, for tools that refuse it: Draco, and coordinates that are integers.

Meshopt stays: there is nothing here that reads it, and the note says so.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from worker.glb.accessors import COMPONENT_TYPES, DTYPES, Array, read_accessor
from worker.glb.container import Json
from worker.glb.draft import Draft
from worker.glb.errors import GlbError
from worker.glb.extensions import ACCESSORS, COMPRESSED_VIEW
from worker.glb.geometry.foreign import ForeignError, Mesh, decode
from worker.glb.geometry.groups import DRACO
from worker.glb.layout import COMPONENT_BYTES, WIDTHS
from worker.glb.references import Slot, count_references

QUANTIZATION = "KHR_mesh_quantization"
TRIANGLES, UNSIGNED_INT, FLOAT = 4, 5125, 5126
MESHOPT_STAYS = "it is compressed with meshopt, which can't be undone here"
Place = tuple[str, Json]  # of a primitive


@dataclass(frozen=True, slots=True)
class Part:
    """Something that was decoded: an attribute, or the indices, which have no id."""

    view: int
    unique_id: int | None
    values: Array


@dataclass(slots=True)
class Unpacking:
    """Which accessor already holds what was decoded from which view.

    Any number of accessors may mean the same part; its bytes are written once. An accessor is
    `free` while nobody wants anything else of it than what Draco holds.
    """

    draft: Draft
    meshes: dict[int, Mesh | ForeignError]
    free: set[int]
    accessors: dict[object, int] = field(default_factory=dict)
    written: dict[object, Json] = field(default_factory=dict)


def undo(draft: Draft) -> list[str]:
    """Returns what could not be undone. The document is changed."""
    todo = list(packed(draft))
    unpacking = Unpacking(draft, decoded(draft) if todo else {}, meant_by(draft, slots_of(todo)))
    for place, primitive in todo:
        undo_draco(unpacking, place, primitive)
    draft.forget(DRACO)
    if any(use.name in COMPRESSED_VIEW for use in draft.uses):
        return [MESHOPT_STAYS]
    undo_quantization(draft)
    return []


def slots_of(todo: Iterable[Place]) -> Iterator[Slot]:
    """Where the accessors are named that Draco fills."""
    for _, primitive in todo:
        for name in primitive["extensions"][DRACO]["attributes"]:
            if name in primitive["attributes"]:
                yield primitive["attributes"], name
        if "indices" in primitive:
            yield primitive, "indices"


def meant_by(draft: Draft, slots: Iterable[Slot]) -> set[int]:
    """The accessors that are named there and nowhere else."""
    ours = Counter(owner[key] for owner, key in slots)
    uses = count_references(draft.document, draft.uses, ACCESSORS)
    return {accessor for accessor, count in ours.items() if count == uses[accessor]}


def primitives(draft: Draft) -> Iterator[Place]:
    for number, mesh in enumerate(draft.document.items("meshes")):
        for position, primitive in enumerate(mesh["primitives"]):
            yield f"mesh {number} primitive {position}", primitive


def undo_draco(unpacking: Unpacking, place: str, primitive: Json) -> None:
    payload = primitive["extensions"][DRACO]
    mesh = unpacking.meshes[payload["bufferView"]]
    if isinstance(mesh, ForeignError):
        raise GlbError(place, f"its Draco data {mesh}")
    for name, unique_id in payload["attributes"].items():
        if name not in primitive["attributes"] or not is_found(mesh, unique_id):
            raise GlbError(place, f"its Draco data has no {name}")
        part = Part(payload["bufferView"], unique_id, mesh.attributes[unique_id])
        old = primitive["attributes"][name]
        primitive["attributes"][name] = filled(unpacking, part, old, place)
    faces = Part(payload["bufferView"], None, mesh.faces.reshape(-1))
    primitive["indices"] = filled(unpacking, faces, primitive.get("indices"), place)
    if "mode" in primitive:
        primitive["mode"] = TRIANGLES
    unpacking.draft.detach(primitive, DRACO)


def is_found(mesh: Mesh, unique_id: Any) -> bool:
    return type(unique_id) is int and unique_id in mesh.attributes


def decoded(draft: Draft) -> dict[int, Mesh | ForeignError]:
    """By buffer view: several primitives may share one."""
    views = list(dict.fromkeys(view_of(place, primitive) for place, primitive in packed(draft)))
    streams = [draft.document.view(view) for view in views]
    if sum(map(len, streams)) > draft.document.size:
        raise GlbError(DRACO, "the file's Draco data overlaps")
    try:
        meshes = decode([bytes(stream) for stream in streams])
    except ForeignError as error:
        raise GlbError(DRACO, f"the file's Draco data {error}") from None
    return dict(zip(views, meshes, strict=True))


def packed(draft: Draft) -> Iterator[Place]:
    return (
        (place, primitive)
        for place, primitive in primitives(draft)
        if DRACO in (primitive.get("extensions") or {})
    )


def view_of(place: str, primitive: Json) -> int:
    payload = primitive["extensions"][DRACO]
    if "bufferView" not in payload or not isinstance(payload.get("attributes"), dict):
        raise GlbError(place, "its Draco extension lacks bufferView or attributes")
    view: int = payload["bufferView"]
    return view


def filled(unpacking: Unpacking, part: Part, old: int | None, place: str) -> int:
    """The accessor, now with bytes; another one where the first belongs to others too."""
    key = (part.view, part.unique_id, old)
    if key not in unpacking.accessors:
        unpacking.accessors[key] = index = own(unpacking, old)
        describe(unpacking, unpacking.draft.document.item(ACCESSORS, index), part, place)
    return unpacking.accessors[key]


def own(unpacking: Unpacking, old: int | None) -> int:
    if old in unpacking.free:
        unpacking.free.discard(old)
        return old
    document = unpacking.draft.document
    return copied(
        unpacking.draft, {"type": "SCALAR"} if old is None else document.item(ACCESSORS, old)
    )


def copied(draft: Draft, accessor: Json) -> int:
    accessors: list[Json] = draft.document.root.setdefault(ACCESSORS, [])
    accessors.append(dict(accessor))
    return len(accessors) - 1


def describe(unpacking: Unpacking, accessor: Json, part: Part, place: str) -> None:
    width = 1 if part.unique_id is None else part.values.shape[1]
    if WIDTHS[accessor["type"]] != width:
        raise GlbError(place, f"its Draco data is {width} wide, not {accessor['type']}")
    wanted = accessor.get("componentType", UNSIGNED_INT)
    key = (part.view, part.unique_id, wanted)
    if key not in unpacking.written:
        unpacking.written[key] = store(unpacking.draft, typed(part.values, wanted))
    replace(accessor, unpacking.written[key])


def typed(values: Array, component_type: int) -> Array:
    """The largest index of a type restarts a primitive."""
    largest = values.max(initial=0) + (values.ndim == 1)
    if component_type != FLOAT and largest > np.iinfo(DTYPES[component_type]).max:
        component_type = UNSIGNED_INT
    return values.astype(DTYPES[component_type])


def replace(accessor: Json, stored: Json) -> None:
    """Bounds only where there were some."""
    bounded = not {"min", "max"}.isdisjoint(accessor)
    for name in ("bufferView", "byteOffset", "sparse"):
        accessor.pop(name, None)
    accessor |= stored
    if not bounded:
        forget_bounds(accessor)


def forget_bounds(accessor: Json) -> None:
    for name in ("min", "max"):
        accessor.pop(name, None)


def store(draft: Draft, values: Array) -> Json:
    """Rows begin every four bytes, as vertex data must; a flat array is indices, which may not."""
    component_type = COMPONENT_TYPES[values.dtype]
    described: Json = {"componentType": component_type, "count": len(values)}
    if not len(values):
        return described  # a view of no bytes is not sound
    rows = np.ascontiguousarray(values.reshape(len(values), -1))
    size = COMPONENT_BYTES[component_type] * rows.shape[1]
    padding = 0 if values.ndim == 1 else -size % 4
    padded = np.pad(rows.view(np.uint8), ((0, 0), (0, padding)))
    view = draft.add_view(padded.tobytes())
    if padding:
        draft.document.items("bufferViews")[view]["byteStride"] = size + padding
    return {"bufferView": view} | described | bounds(rows)


def bounds(rows: Array) -> Json:
    return {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}


FLOATS_IN_THE_CORE = frozenset({"POSITION", "NORMAL", "TANGENT"})
UNSIGNED_IN_THE_CORE = frozenset({5121, 5123})  # for texture coordinates, where normalized


def undo_quantization(draft: Draft) -> None:
    slots = list(quantized(draft))
    free = meant_by(draft, slots)
    floats: dict[int, int] = {}
    for attributes, name in slots:
        old = attributes[name]
        if old not in floats:
            floats[old] = old if old in free else copied(draft, draft.document.item(ACCESSORS, old))
            to_floats(draft, floats[old])
        attributes[name] = floats[old]
    draft.forget(QUANTIZATION)


def quantized(draft: Draft) -> Iterator[Slot]:
    for _, primitive in primitives(draft):
        for attributes in (primitive["attributes"], *primitive.get("targets", [])):
            for name, index in attributes.items():
                if is_quantized(draft, name, index):
                    yield attributes, name


def is_quantized(draft: Draft, name: str, index: int) -> bool:
    accessor = draft.document.item("accessors", index)
    if accessor["componentType"] == FLOAT:
        return False
    if name.startswith("TEXCOORD_"):
        return not (
            accessor.get("normalized") and accessor["componentType"] in UNSIGNED_IN_THE_CORE
        )
    return name in FLOATS_IN_THE_CORE


def to_floats(draft: Draft, index: int) -> None:
    accessor = draft.document.item("accessors", index)
    values = read_stored(draft, index)
    floats = values.astype(np.float32)
    if accessor.pop("normalized", False):
        floats = np.maximum(floats / np.float32(np.iinfo(values.dtype).max), np.float32(-1))
    replace(accessor, store(draft, floats))


def read_stored(draft: Draft, index: int) -> Array:
    """From the file, or from what was decoded a moment ago."""
    accessor = draft.document.item("accessors", index)
    content = draft.contents.get(accessor.get("bufferView", -1))
    if content is None:
        return read_accessor(draft.document, index)
    width, dtype = WIDTHS[accessor["type"]], DTYPES[accessor["componentType"]]
    rows = np.frombuffer(content, np.uint8).reshape(accessor["count"], -1)
    packed = np.ascontiguousarray(rows[:, : width * dtype.itemsize])
    return packed.view(dtype).reshape(-1, width)
