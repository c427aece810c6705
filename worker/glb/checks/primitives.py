"""The primitives of a file, by what the JSON says of them."""

from worker.glb.checks.findings import PrimitiveFacts
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.extensions import COMPRESSED_VIEW
from worker.glb.layout import WIDTHS
from worker.glb.validate import DRACO

MODES = ("points", "lines", "line loop", "line strip", "triangles", "strip", "fan")
TRIANGLES, STRIP, FAN = 4, 5, 6
COMPONENTS = {5120: "i8", 5121: "u8", 5122: "i16", 5123: "u16", 5125: "u32", 5126: "f32"}


def primitive_facts(document: Document) -> tuple[PrimitiveFacts, ...]:
    return tuple(
        facts_of(document, mesh, number, primitive)
        for mesh, item in enumerate(document.items("meshes"))
        for number, primitive in enumerate(item["primitives"])
    )


def facts_of(document: Document, mesh: int, number: int, primitive: Json) -> PrimitiveFacts:
    accessors = document.items("accessors")
    attributes = {name: accessors[index] for name, index in primitive["attributes"].items()}
    vertices = attributes["POSITION"]["count"] if "POSITION" in attributes else 0
    mode = primitive.get("mode", TRIANGLES)
    return PrimitiveFacts(
        mesh=mesh,
        primitive=number,
        name=str(document.item("meshes", mesh).get("name", "")),
        mode=MODES[mode],
        triangles=triangle_count(mode, corner_count(document, primitive, vertices)),
        vertices=vertices,
        attributes={name: describe(accessor) for name, accessor in attributes.items()},
        material=primitive.get("material"),
        morph_targets=len(primitive.get("targets", ())),
        compression=compression(document, primitive, list(attributes.values())),
    )


def corner_count(document: Document, primitive: Json, vertices: int) -> int:
    if "indices" not in primitive:
        return vertices
    count: int = document.item("accessors", primitive["indices"])["count"]
    return count


def triangle_count(mode: int, corners: int) -> int:
    if mode in (STRIP, FAN):
        return max(0, corners - 2)
    return corners // 3 if mode == TRIANGLES else 0


def describe(accessor: Json) -> str:
    width = WIDTHS[accessor["type"]]
    normalized = " normalized" if accessor.get("normalized") else ""
    return f"{COMPONENTS[accessor['componentType']]} x {width}{normalized}"


def compression(document: Document, primitive: Json, attributes: list[Json]) -> str:
    if DRACO in (primitive.get("extensions") or {}):
        return "draco"
    views = document.items("bufferViews")
    names = {
        name
        for accessor in attributes
        if "bufferView" in accessor
        for name in views[accessor["bufferView"]].get("extensions") or ()
    }
    return "meshopt" if names & COMPRESSED_VIEW else ""
