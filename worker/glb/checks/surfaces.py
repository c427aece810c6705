"""Faults in the numbers themselves: no numbers, no length, no area, no use."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from worker.glb.accessors import Array, read_accessor
from worker.glb.checks.findings import Finding
from worker.glb.checks.primitives import FAN, STRIP, TRIANGLES
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.geometry.allowance import Allowance
from worker.glb.geometry.faces import as_triangles, without_degenerate
from worker.glb.layout import extent
from worker.glb.validate import is_readable

LONGER_OR_SHORTER = 0.1
NEARLY_ONE = 0.02
Mask = npt.NDArray[np.bool_]


@np.errstate(over="ignore", invalid="ignore")  # what is no number is looked for, not stumbled over
def surface_findings(document: Document) -> list[Finding]:
    places = different(document)
    work = sum(bytes_looked_at(document, primitive) for primitive in places.values())
    if not Allowance.of(document).grants(work):
        return [Finding("too-much-geometry", "meshes", "share too much to be looked at closely")]
    found = [
        f for place, primitive in places.items() for f in findings_of(document, place, primitive)
    ]
    return [*found, *unused_vertices(document)]


def different(document: Document) -> dict[str, Json]:
    """Primitives that share all their accessors share their faults, and are told of once."""
    found: dict[object, tuple[str, Json]] = {}
    for mesh, item in enumerate(document.items("meshes")):
        for number, primitive in enumerate(item["primitives"]):
            key = (*sorted(primitive["attributes"].items()), primitive.get("indices"))
            found.setdefault(key, (f"mesh {mesh} primitive {number}", primitive))
    return dict(found.values())


def bytes_looked_at(document: Document, primitive: Json) -> int:
    named = [*primitive["attributes"].values(), primitive.get("indices")]
    accessors = (document.items("accessors")[i] for i in named if i is not None)
    return sum(extent(a, None) for a in accessors if is_readable(document, a))


def findings_of(document: Document, place: str, primitive: Json) -> Iterator[Finding]:
    values = {
        name: read_accessor(document, index)
        for name, index in primitive["attributes"].items()
        if is_looked_at(document, index)
    }
    yield from differing_lengths(document, place, primitive)
    for name, rows in values.items():
        yield from bad_numbers(place, name, rows)
    if "NORMAL" in values and values["NORMAL"].dtype.kind == "f":
        yield from bad_normals(place, values["NORMAL"])
    yield from bad_weights(place, [values[name] for name in values if name.startswith("WEIGHTS_")])
    if "POSITION" in values and primitive.get("mode", TRIANGLES) in (TRIANGLES, STRIP, FAN):
        yield from bad_triangles(document, place, primitive, values["POSITION"])


def is_looked_at(document: Document, index: int) -> bool:
    accessor = document.item("accessors", index)
    return not accessor["type"].startswith("MAT") and is_readable(document, accessor)


def differing_lengths(document: Document, place: str, primitive: Json) -> Iterator[Finding]:
    counts = {
        name: document.item("accessors", index)["count"]
        for name, index in primitive["attributes"].items()
    }
    if len({*counts.values()}) > 1:
        told = ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items()))
        yield Finding("attributes-differ", place, f"attributes of so many vertices: {told}")


def bad_numbers(place: str, name: str, rows: Array) -> Iterator[Finding]:
    if rows.dtype.kind != "f" or np.isfinite(rows.min(initial=0.0) + rows.max(initial=0.0)):
        return
    count = int((~np.isfinite(rows)).any(axis=1).sum())
    if count:
        yield Finding("not-a-number", place, f"{name}: {count:,} of {len(rows):,} are NaN or Inf")


def bad_normals(place: str, normals: Array) -> Iterator[Finding]:
    lengths = np.sqrt(np.einsum("ij,ij->i", normals, normals, dtype=np.float64))
    zero = int((lengths == 0).sum())
    if zero:
        yield Finding("zero-normals", place, f"{zero:,} of {len(normals):,} normals have no length")
    wrong = int((np.abs(lengths - 1) > LONGER_OR_SHORTER).sum()) - zero
    if wrong > 0:
        yield Finding(
            "normals-not-unit", place, f"{wrong:,} of {len(normals):,} normals are not of length 1"
        )


def bad_weights(place: str, sets: list[Array]) -> Iterator[Finding]:
    if len({len(rows) for rows in sets}) != 1:
        return
    total = np.sum([np.sum(rows / full_scale(rows), axis=1) for rows in sets], axis=0)
    wrong = int((np.abs(total - 1) > NEARLY_ONE).sum())
    if wrong:
        yield Finding(
            "weights-not-one",
            place,
            f"the weights of {wrong:,} of {len(total):,} vertices don't add up to 1",
        )


def full_scale(rows: Array) -> float:
    return float(np.iinfo(rows.dtype).max) if rows.dtype.kind in "iu" else 1.0


def bad_triangles(
    document: Document, place: str, primitive: Json, positions: Array
) -> Iterator[Finding]:
    order = corner_order(document, primitive, len(positions))
    if order is None or len(order) < 3:  # noqa: PLR2004 - the corners of a triangle
        return
    faces = as_triangles(order, primitive.get("mode", TRIANGLES))
    collapsed = len(faces) - len(without_degenerate(faces, positions))
    if collapsed:
        yield Finding(
            "degenerate-triangles",
            place,
            f"{collapsed:,} of {len(faces):,} triangles have two corners in one place",
        )


def unused_vertices(document: Document) -> Iterator[Finding]:
    """Several primitives may draw from one store; only what none of them draws is unused."""
    used: dict[int, Mask] = {}
    for index, indices in sorted(drawn(document)):
        count = document.item("accessors", index)["count"]
        order = corner_order(document, {"indices": indices} if indices >= 0 else {}, count)
        used.setdefault(index, np.zeros(count, bool))[... if order is None else order] = True
    for index, mask in used.items():
        if unused := int((~mask).sum()):
            yield Finding(
                "unused-vertices",
                f"accessor {index}",
                f"{unused:,} of {len(mask):,} vertices are drawn by nothing",
            )


def drawn(document: Document) -> set[tuple[int, int]]:
    """Each pair of positions and indices once, -1 where there are no indices."""
    return {
        (primitive["attributes"]["POSITION"], primitive.get("indices", -1))
        for mesh in document.items("meshes")
        for primitive in mesh["primitives"]
        if "POSITION" in primitive["attributes"]
        and is_looked_at(document, primitive["attributes"]["POSITION"])
    }


def corner_order(
    document: Document, primitive: Json, vertices: int
) -> npt.NDArray[np.uint32] | None:
    if "indices" not in primitive:
        return np.arange(vertices, dtype=np.uint32)
    if not is_looked_at(document, primitive["indices"]):
        return None
    order = read_accessor(document, primitive["indices"])[:, 0].astype(np.uint32, copy=False)
    return order if order.max(initial=0) < vertices else None
