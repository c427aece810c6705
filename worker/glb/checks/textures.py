"""The images of a file: what they are, how large, and what reads them."""

from collections.abc import Iterator, Sequence

from worker.glb.checks.findings import Finding, TextureFacts
from worker.glb.document import Document
from worker.glb.limits import MAX_PIXELS
from worker.glb.textures.roles import roles
from worker.glb.textures.source import Source

LARGE_SIDE = 2048


def texture_facts(document: Document, sources: Sequence[Source]) -> tuple[TextureFacts, ...]:
    return tuple(
        TextureFacts(
            image=index,
            name=str(document.item("images", index).get("name", "")),
            role=role.label,
            space=role.space,
            mime=source.mime,
            bytes=source.stored,
            size=source.size,
        )
        for (index, role), source in zip(roles(document).items(), sources, strict=True)
    )


def texture_findings(
    textures: Sequence[TextureFacts], sources: Sequence[Source]
) -> Iterator[Finding]:
    for facts, source in zip(textures, sources, strict=True):
        place = f"image {facts.image}"
        if facts.size and max(facts.size) > LARGE_SIDE:
            yield large(place, *facts.size)
        yield from misplaced(place, source)


def large(place: str, width: int, height: int) -> Finding:
    size = f"{width} x {height}"
    if width * height > MAX_PIXELS:
        return Finding("too-many-pixels", place, f"{size} is over the limit; nothing scales it")
    return Finding("large-texture", place, f"{size}; --max-texture {LARGE_SIDE} scales it")


def misplaced(place: str, source: Source) -> Iterator[Finding]:
    if source.data is None:
        yield Finding("no-image-data", place, source.uri or "has no bytes")
    elif source.uri:
        yield Finding("data-uri", place, "lies in a data URI, which is a third larger")
    if source.data is not None and source.declared and source.declared != source.mime:
        yield Finding("wrong-mime-type", place, f"is {source.mime}, not {source.declared}")
