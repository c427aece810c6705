"""What of the optimiser's report goes back: short, whatever the file had in it."""

from collections.abc import Iterator
from itertools import islice
from typing import Any

from worker.glb.checks.primitives import primitive_facts
from worker.glb.document import Document
from worker.glb.optimize import Result
from worker.glb.report import Report, TextureReport
from worker.optimising.brevity import brief

MOST_PIECES = 20


def told_of(result: Result, triangles: int) -> dict[str, Any]:
    """`triangles` are those of the file that was written; Draco drops those without an area."""
    report = result.report
    after = sum(facts.triangles for facts in primitive_facts(Document.read(result.data)))
    return {
        "preset": report.preset,
        "bytes_before": report.bytes_before,
        "bytes_after": report.bytes_after,
        "seconds": round(report.seconds, 3),
        "triangles_before": triangles,
        "triangles": after,
        "textures": [told_of_texture(texture) for texture in report.textures[:MOST_PIECES]],
        "left_alone": [brief(note) for note in islice(left_alone(report), MOST_PIECES)],
    }


def told_of_texture(texture: TextureReport) -> dict[str, Any]:
    return {
        "role": brief(texture.role),
        "bytes_before": texture.bytes_before,
        "bytes_after": texture.bytes_after,
        "size_before": texture.size_before,
        "size_after": texture.size_after,
        "mime_after": brief(texture.mime_after),
    }


def left_alone(report: Report) -> Iterator[str]:
    """And why. The file as a whole comes first."""
    yield from report.notes
    for primitive in report.primitives:
        if primitive.bytes_after == primitive.bytes_before and primitive.note:
            yield f"mesh {primitive.mesh} primitive {primitive.primitive}: {primitive.note}"
    for texture in report.textures:
        if texture.bytes_after == texture.bytes_before and texture.note:
            yield f"image {texture.image}: {texture.note}"
