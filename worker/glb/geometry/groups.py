"""Primitives that are the same geometry are one group: encoded once, shared by all its users."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.extensions import COMPRESSED_VIEW, KEEP_THROUGH_REORDERING
from worker.glb.layout import extent

DRACO = "KHR_draco_mesh_compression"
TRIANGLE_MODES = (4, 5, 6)
POINTS_AND_LINES = ("points", "lines", "line loops", "line strips")
FLOAT, SMALL_INTEGERS = 5126, (5120, 5121, 5122, 5123)


class Group(NamedTuple):
    attributes: dict[str, int]  # name → accessor
    indices: int | None
    mode: int
    users: list[tuple[int, int]]  # mesh and position in it
    primitives: list[Json]
    accessors: frozenset[int]
    why_not: str = ""  # the reason to leave it alone

    @property
    def meshes(self) -> set[int]:
        return {mesh for mesh, _ in self.users}


def find_groups(document: Document) -> list[Group]:
    found: dict[object, Group] = {}
    for number, mesh in enumerate(document.items("meshes")):
        for position, primitive in enumerate(mesh["primitives"]):
            key = identity(primitive)
            if key not in found:
                found[key] = new_group(primitive)
            found[key].users.append((number, position))
            found[key].primitives.append(primitive)
    return list(found.values())


def identity(primitive: Json) -> object:
    """What makes the geometry; extensions differ in what they say of it, so they must not."""
    if "targets" in primitive or "extensions" in primitive:
        return id(primitive)
    names = tuple(sorted(primitive["attributes"].items()))
    return names, primitive.get("indices"), primitive.get("mode", 4)


def new_group(primitive: Json) -> Group:
    attributes, indices = primitive["attributes"], primitive.get("indices")
    accessors = {*attributes.values()} if indices is None else {*attributes.values(), indices}
    return Group(attributes, indices, primitive.get("mode", 4), [], [], frozenset(accessors))


def judged(document: Document, group: Group) -> Group:
    """With the first reason against Draco, if there is one."""
    return group._replace(why_not=next(reasons_against(document, group.primitives[0]), ""))


def reasons_against(document: Document, primitive: Json) -> Iterator[str]:
    mode = primitive.get("mode", 4)
    if mode not in TRIANGLE_MODES:
        yield f"Draco in glTF is for triangles, these are {POINTS_AND_LINES[mode]}"
    extensions = primitive.get("extensions") or {}
    if DRACO in extensions:
        yield "already compressed with Draco: again would lose precision"
    if primitive.get("targets"):
        yield "morph targets depend on the order of its vertices"
    yield from (
        f"{name} may depend on the order" for name in extensions if is_bound(primitive, name)
    )
    yield from reasons_against_accessors(document, primitive)


def is_bound(primitive: Json, name: str) -> bool:
    """True where an extension means its vertices by their numbers."""
    if name == "EXT_mesh_features":
        return not all(map(is_by_value, primitive["extensions"][name].get("featureIds") or [None]))
    return name not in KEEP_THROUGH_REORDERING


def is_by_value(feature: Any) -> bool:
    return type(feature) is dict and bool({"attribute", "texture"} & feature.keys())


def reasons_against_accessors(document: Document, primitive: Json) -> Iterator[str]:
    attributes = primitive["attributes"]
    accessors = document.items("accessors")
    if "POSITION" not in attributes:
        yield "it has no positions"
        return
    position = accessors[attributes["POSITION"]]
    if position["componentType"] not in (FLOAT, *SMALL_INTEGERS) or position["type"] != "VEC3":
        yield "its positions are of a type that glTF does not know for them"
    if any(accessors[index]["count"] != position["count"] for index in attributes.values()):
        yield "its attributes differ in length"
    if any(accessors[index]["type"].startswith("MAT") for index in attributes.values()):
        yield "it has a matrix attribute"
    for index in [*attributes.values(), primitive.get("indices")]:
        if index is not None:
            yield from reasons_against_bytes(document, index)


def reasons_against_bytes(document: Document, index: int) -> Iterator[str]:
    accessor = document.items("accessors")[index]
    places = [
        accessor,
        *(accessor.get("sparse", {}).get(part, {}) for part in ("indices", "values")),
    ]
    for place in places:
        if "bufferView" not in place:
            continue
        view = document.items("bufferViews")[place["bufferView"]]
        if view["buffer"] != 0 or not document.owns_buffer_0:
            yield f"accessor {index} lies outside this file"
        if COMPRESSED_VIEW & (view.get("extensions") or {}).keys():
            yield "already compressed with meshopt"


def staying_positions(family: Iterable[Group]) -> set[int | None]:
    """Of triangles that are left alone; each accessor once, None where some have no positions."""
    return {
        group.attributes.get("POSITION")
        for group in family
        if group.why_not and group.mode in TRIANGLE_MODES
    }


def accessor_bytes(document: Document, index: int) -> int:
    """What dropping the accessor frees; strides are taken to be shared with others that go too."""
    accessor = document.items("accessors")[index]
    return extent(accessor, None) if "bufferView" in accessor else 0
