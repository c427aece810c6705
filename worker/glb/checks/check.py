"""The whole look at a file."""

from collections import Counter
from collections.abc import Iterator

from worker.glb.checks.findings import Finding, Findings, PrimitiveFacts
from worker.glb.checks.primitives import primitive_facts
from worker.glb.checks.surfaces import surface_findings
from worker.glb.checks.textures import texture_facts, texture_findings
from worker.glb.checks.weight import bytes_by_kind, unreferenced
from worker.glb.container import Buffer
from worker.glb.document import Document
from worker.glb.extensions import extension_uses, unknown_extensions
from worker.glb.paths import SINGULAR
from worker.glb.references import check_extensions
from worker.glb.textures.source import read_sources
from worker.glb.validate import validate

# What Roblox takes in one mesh; the tightest published limit of the places models go to.
MOST_TRIANGLES_OF_A_MESH = 20_000


def check(data: Buffer) -> Findings:
    """Raises GlbError, naming the place, where the file can't be read."""
    document = Document.read(data)
    uses = extension_uses(document)
    validate(document)
    check_extensions(document, uses)
    primitives = primitive_facts(document)
    sources = read_sources(document)
    textures = texture_facts(document, sources)
    return Findings(
        bytes=document.size,
        bytes_by_kind=bytes_by_kind(document, uses),
        primitives=primitives,
        textures=textures,
        counts={kind: len(document.items(kind)) for kind in SINGULAR if document.items(kind)},
        extensions_used=tuple(document.root.get("extensionsUsed", ())),
        extensions_required=tuple(document.extensions_required),
        findings=(
            *large_meshes(primitives),
            *surface_findings(document),
            *texture_findings(textures, sources),
            *unreferenced(document, uses),
            *unknown(unknown_extensions(document, uses)),
        ),
    )


def large_meshes(primitives: tuple[PrimitiveFacts, ...]) -> Iterator[Finding]:
    """Counted by mesh, over its primitives."""
    triangles = Counter[int]()
    for primitive in primitives:
        triangles[primitive.mesh] += primitive.triangles
    for mesh, count in triangles.items():
        if count > MOST_TRIANGLES_OF_A_MESH:
            yield Finding(
                "many-triangles",
                f"mesh {mesh}",
                f"{count:,} triangles; Roblox takes {MOST_TRIANGLES_OF_A_MESH:,} in one mesh",
            )


def unknown(names: list[str]) -> Iterator[Finding]:
    for name in names:
        yield Finding(
            "unknown-extension",
            name,
            "may refer to anything by number, so nothing is renumbered or dropped",
        )
