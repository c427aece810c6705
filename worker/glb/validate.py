"""Is the structure sound enough to read? Files come from strangers: nothing is taken on trust.

What merely is bad style (weights that don't add up, normals that are no number) is not refused
here: such files are opened everywhere, and must come out no worse than they went in.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

from worker.glb.budget import check_made_up, check_stored
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.layout import COMPONENT_BYTES, WIDTHS, extent
from worker.glb.paths import CORE_INDICES, SINGULAR, check_indices

SPARSE_INDEX_TYPES = (5121, 5123, 5125)
DRACO = "KHR_draco_mesh_compression"
UNKNOWN = -1


def validate(document: Document) -> None:
    """Raise a GlbError that names the first place that can't be read."""
    check_top_level(document)
    for kind, path, target in CORE_INDICES:
        check_indices(kind, document.items(kind), path, target, len(document.items(target)))
    check_buffers(document)
    check_views(document)
    check_accessors(document)
    stored = check_stored(document)
    check_primitives(document)
    check_made_up(document, stored)
    check_nodes(document.items("nodes"))


def check_top_level(document: Document) -> None:
    for kind, singular in SINGULAR.items():
        for number, item in enumerate(document.items(kind)):
            if type(item) is not dict:
                raise GlbError(f"{singular} {number}", "must be an object")
    for key in ("extensionsUsed", "extensionsRequired"):
        names = document.root.get(key, [])
        if type(names) is not list or any(type(name) is not str for name in names):
            raise GlbError(key, "must be an array of names")
    asset = document.root.get("asset", {})
    if type(asset) is not dict or not str(asset.get("version", "2")).startswith("2"):
        raise GlbError("asset", "only version 2 of glTF is supported")


def is_whole(value: Any) -> bool:
    return type(value) is int and value >= 0


def check_whole(place: str, item: Json, *names: str) -> None:
    for name in names:
        if name in item and not is_whole(item[name]):
            raise GlbError(place, f"{name} is {item[name]!r} instead of a whole number")


def check_buffers(document: Document) -> None:
    for number, buffer in enumerate(document.items("buffers")):
        if not is_whole(buffer.get("byteLength")):
            raise GlbError(f"buffer {number}", "byteLength is missing or no whole number")
    if document.owns_buffer_0:
        length = document.items("buffers")[0]["byteLength"]
        if length > len(document.binary):
            raise GlbError(
                "buffer 0", f"says {length} bytes, but the BIN chunk has {len(document.binary)}"
            )


def check_views(document: Document) -> None:
    buffers = document.items("buffers")
    for number, view in enumerate(document.items("bufferViews")):
        place = f"bufferView {number}"
        if "buffer" not in view or "byteLength" not in view:
            raise GlbError(place, "needs buffer and byteLength")
        check_whole(place, view, "byteOffset", "byteLength", "byteStride")
        if view.get("byteStride") == 0:
            del view["byteStride"]  # loaders take it for none
        if "byteStride" in view and not 1 <= view["byteStride"] <= 252:  # noqa: PLR2004 - glTF's
            raise GlbError(place, f"byteStride is {view['byteStride']}, not from 4 to 252")
        end = view.get("byteOffset", 0) + view["byteLength"]
        length = buffers[view["buffer"]]["byteLength"]
        if end > length:
            raise GlbError(place, f"ends at byte {end} of a buffer of {length}")


def check_accessors(document: Document) -> None:
    views = document.items("bufferViews")
    for number, accessor in enumerate(document.items("accessors")):
        try:
            check_accessor(accessor, views)
        except ValueError as error:
            raise GlbError(f"accessor {number}", str(error)) from None


def check_accessor(accessor: Json, views: Sequence[Json]) -> None:
    component_type, kind = accessor.get("componentType"), accessor.get("type")
    if type(component_type) is not int or component_type not in COMPONENT_BYTES:
        raise ValueError(f"componentType is {component_type!r}")
    if type(kind) is not str or kind not in WIDTHS:
        raise ValueError(f"type is {kind!r}")
    if not is_whole(accessor.get("count")):
        raise ValueError(f"count is {accessor.get('count')!r} instead of a whole number")
    if not is_whole(accessor.get("byteOffset", 0)):
        raise ValueError(f"byteOffset is {accessor['byteOffset']!r} instead of a whole number")
    if "bufferView" in accessor:
        check_fits(accessor, views[accessor["bufferView"]])
    if "sparse" in accessor:
        check_sparse(accessor, views)


def check_fits(accessor: Json, view: Json) -> None:
    end = accessor.get("byteOffset", 0) + extent(accessor, view.get("byteStride"))
    if end > view["byteLength"]:
        raise ValueError(
            f"needs {end} bytes of bufferView {accessor['bufferView']}, "
            f"which has {view['byteLength']}"
        )


def check_sparse(accessor: Json, views: Sequence[Json]) -> None:
    sparse = accessor["sparse"]
    if type(sparse) is not dict or not {"count", "indices", "values"} <= sparse.keys():
        raise ValueError("sparse needs count, indices and values")
    if not is_whole(sparse["count"]) or sparse["count"] > accessor["count"]:
        raise ValueError(f"sparse.count is {sparse['count']!r} of {accessor['count']} elements")
    if sparse["indices"].get("componentType") not in SPARSE_INDEX_TYPES:
        raise ValueError("sparse.indices.componentType must be unsigned")
    check_sparse_part(sparse["indices"], sparse["count"], views, {"type": "SCALAR"})
    check_sparse_part(sparse["values"], sparse["count"], views, accessor)


def check_sparse_part(part: Json, count: int, views: Sequence[Json], shape: Json) -> None:
    if "bufferView" not in part or not is_whole(part.get("byteOffset", 0)):
        raise ValueError("sparse needs a bufferView and whole byteOffsets")
    packed = {"componentType": shape.get("componentType") or part["componentType"]}
    check_fits(
        part | packed | {"type": shape["type"], "count": count},
        {"byteLength": views[part["bufferView"]]["byteLength"]},
    )


def check_primitives(document: Document) -> None:
    highest: dict[int, int] = {}
    for number, mesh in enumerate(document.items("meshes")):
        if "primitives" not in mesh:
            raise GlbError(f"mesh {number}", "has no primitives")
        for position, primitive in enumerate(mesh["primitives"]):
            try:
                check_primitive(document, primitive, highest)
            except ValueError as error:
                raise GlbError(f"mesh {number} primitive {position}", str(error)) from None


def check_primitive(document: Document, primitive: Json, highest: dict[int, int]) -> None:
    if type(primitive.get("attributes")) is not dict:
        raise ValueError("needs attributes")
    mode = primitive.get("mode", 4)
    if type(mode) is not int or not 0 <= mode <= 6:  # noqa: PLR2004 - the modes of glTF
        raise ValueError(f"mode is {mode!r}, not from 0 to 6")
    if "indices" not in primitive or "POSITION" not in primitive["attributes"]:
        return
    vertices = document.items("accessors")[primitive["attributes"]["POSITION"]]["count"]
    if DRACO not in primitive.get("extensions", {}):
        check_vertex_indices(document, primitive["indices"], vertices, highest)


def check_vertex_indices(
    document: Document, index: int, vertices: int, highest: dict[int, int]
) -> None:
    """Each accessor is gone through once, however many primitives share it."""
    if index not in highest:
        highest[index] = highest_named(document, index)
    if highest[index] >= vertices:
        raise ValueError(
            f"indices: accessor {index} names vertex {highest[index]}, but there are {vertices}"
        )


def highest_named(document: Document, index: int) -> int:
    accessor = document.items("accessors")[index]
    if accessor["type"] != "SCALAR" or accessor["componentType"] not in SPARSE_INDEX_TYPES:
        raise ValueError(f"indices: accessor {index} must hold unsigned scalars")
    if "sparse" in accessor or not is_readable(document, accessor):
        return UNKNOWN
    return highest_index(document, accessor)


def is_readable(document: Document, accessor: Json) -> bool:
    """True where the bytes of the accessor are here, and not compressed."""
    sparse = accessor.get("sparse", {})
    places = [accessor, *(sparse[part] for part in ("indices", "values") if part in sparse)]
    return all("bufferView" in place and is_here(document, place) for place in places)


def is_here(document: Document, place: Json) -> bool:
    view = document.items("bufferViews")[place["bufferView"]]
    return view["buffer"] == 0 and document.owns_buffer_0 and not view.get("extensions")


CODES: dict[int, Literal["B", "H", "I"]] = {5121: "B", 5123: "H", 5125: "I"}
WORTH_NUMPY = 1 << 14  # below, importing numpy takes longer than doing without


def highest_index(document: Document, accessor: Json) -> int:
    offset, component_type = accessor.get("byteOffset", 0), accessor["componentType"]
    data = document.view(accessor["bufferView"])
    data = data[offset : offset + accessor["count"] * COMPONENT_BYTES[component_type]]
    if len(data) <= WORTH_NUMPY:
        return max(data.cast(CODES[component_type]), default=-1)
    import numpy as np  # noqa: PLC0415 - only where it pays

    return int(np.frombuffer(data, f"<u{COMPONENT_BYTES[component_type]}").max())


def check_nodes(nodes: Sequence[Json]) -> None:
    """Take away, again and again, the nodes that nobody left has as a child."""
    parents = Counter(child for node in nodes for child in node.get("children", ()))
    free = [number for number in range(len(nodes)) if not parents[number]]
    while free:
        for child in nodes[free.pop()].get("children", ()):
            parents[child] -= 1
            if not parents[child]:
                free.append(child)
    if any(parents.values()):
        raise GlbError(f"node {node_on_a_cycle(nodes, +parents)}", "is its own descendant")


def node_on_a_cycle(nodes: Sequence[Json], left: Counter[int]) -> int:
    """Going up from what is left never ends, so it must come back to where it has been."""
    parent_of = {
        child: number
        for number in left
        for child in nodes[number].get("children", ())
        if child in left
    }
    seen: set[int] = set()
    node = next(iter(left))
    while node not in seen:
        seen.add(node)
        node = parent_of[node]
    return node
