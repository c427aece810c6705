"""What happened to each primitive, in the words of the report."""

from collections.abc import Iterable, Iterator, Mapping

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.geometry.compress import Encoded, Outcome
from worker.glb.geometry.groups import DRACO, TRIANGLE_MODES, Group, accessor_bytes, new_group
from worker.glb.report import UNCHANGED, PrimitiveReport

LIST = 4


def primitive_reports(document: Document, outcomes: Iterable[Outcome]) -> list[PrimitiveReport]:
    """In the order of the file. To be called before the document is changed."""
    reports = [report for outcome in outcomes for report in reports_of(document, outcome)]
    return sorted(reports, key=lambda report: (report.mesh, report.primitive))


def reports_of(document: Document, outcome: Outcome) -> Iterator[PrimitiveReport]:
    first, *others = outcome.group.users
    yield first_report(document, outcome, first)
    for mesh, primitive in others:
        shared = f"shared with mesh {first[0]} primitive {first[1]}"
        yield PrimitiveReport(mesh, primitive, name_of(document, mesh), shared, 0, 0)


def name_of(document: Document, mesh: int) -> str:
    return str(document.items("meshes")[mesh].get("name", ""))


def first_report(document: Document, outcome: Outcome, user: tuple[int, int]) -> PrimitiveReport:
    group, encoded = outcome.group, outcome.encoded
    before = sum(accessor_bytes(document, accessor) for accessor in group.accessors)
    vertices, triangles = counts(document, group)
    return PrimitiveReport(
        mesh=user[0],
        primitive=user[1],
        name=name_of(document, user[0]),
        encoding="draco" if encoded else UNCHANGED,
        bytes_before=before,
        bytes_after=len(encoded.blob) if encoded else before,
        triangles_before=triangles,
        triangles_after=encoded.decoded.triangles if encoded else triangles,
        vertices_before=vertices,
        vertices_after=encoded.decoded.vertices if encoded else vertices,
        level=encoded.level if encoded else None,
        position_bits=encoded.work.positions.bits or None if encoded else None,
        position_error=encoded.position_error if encoded else None,
        note=note_on(encoded) if encoded else outcome.why_not,
    )


def held_bytes(document: Document) -> dict[tuple[int, int], int]:
    """Of each primitive, by mesh and position in it, its Draco data among them."""
    return {
        (number, position): sum(held_by(document, primitive))
        for number, mesh in enumerate(document.items("meshes"))
        for position, primitive in enumerate(mesh["primitives"])
    }


def held_by(document: Document, primitive: Json) -> Iterator[int]:
    payload = (primitive.get("extensions") or {}).get(DRACO, {})
    if "bufferView" in payload:
        yield document.item("bufferViews", payload["bufferView"])["byteLength"]
    for accessor in new_group(primitive).accessors:
        yield accessor_bytes(document, accessor)


def with_undone(
    document: Document,
    reports: Iterable[PrimitiveReport],
    before: Mapping[tuple[int, int], int],
) -> Iterator[PrimitiveReport]:
    """To be called when the document is changed."""
    after = held_bytes(document)
    for report in reports:
        place = report.mesh, report.primitive
        if report.encoding == UNCHANGED and before[place] != after[place]:
            yield report._replace(
                encoding="raw", bytes_before=before[place], bytes_after=after[place], note=""
            )
        else:
            yield report


def counts(document: Document, group: Group) -> tuple[int, int]:
    accessors = document.items("accessors")
    position = group.attributes.get("POSITION")
    vertices = accessors[position]["count"] if position is not None else 0
    corners = vertices if group.indices is None else accessors[group.indices]["count"]
    if group.mode not in TRIANGLE_MODES:
        return vertices, 0
    return vertices, corners // 3 if group.mode == LIST else max(0, corners - 2)


def note_on(encoded: Encoded) -> str:
    gone = encoded.triangles_before - encoded.decoded.triangles
    notes = [encoded.note, f"{gone} triangles without area were dropped" if gone else ""]
    return "; ".join(note for note in notes if note)
