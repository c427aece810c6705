"""What the bytes of a file are spent on, and which of them nobody refers to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress

from worker.glb.checks.findings import Finding
from worker.glb.document import Document
from worker.glb.extensions import ACCESSORS, KNOWN, VIEWS, Use
from worker.glb.paths import (
    CORE_INDICES,
    EACH,
    SINGULAR,
    VALUES,
    Path,
    WrongShapeError,
    slots,
    walk,
)
from worker.glb.references import count_references
from worker.glb.textures.roles import roles
from worker.glb.validate import DRACO

KIND_BY_PATH: dict[Path, str] = {
    ("primitives", EACH, "attributes", VALUES): "vertices",
    ("primitives", EACH, "targets", EACH, VALUES): "morph targets",
    ("primitives", EACH, "indices"): "indices",
    ("inverseBindMatrices",): "skins",
    ("samplers", EACH, "input"): "animations",
    ("samplers", EACH, "output"): "animations",
}
SHOWN_WITHOUT_TEXTURE: dict[str, Path] = {
    "EXT_lights_image_based": ("lights", EACH, "specularImages", EACH, EACH),
    "VRMC_vrm": ("meta", "thumbnailImage"),
}
MOST_SHOWN = 10


def bytes_by_kind(document: Document, uses: Sequence[Use]) -> dict[str, int]:
    kinds = kinds_of_views(document, uses)
    total: Counter[str] = Counter({"json": len(document.json)})
    for index, view in enumerate(document.items(VIEWS)):
        if view["buffer"] == 0:
            total[kinds.get(index, "unreferenced")] += view["byteLength"]
    total["other chunks"] = sum(len(chunk.data) for chunk in document.extra)
    total["gaps and headers"] = max(0, document.size - total.total())
    return {kind: count for kind, count in total.most_common() if count}


def kinds_of_views(document: Document, uses: Sequence[Use]) -> dict[int, str]:
    kinds: dict[int, str] = {}
    for use in uses:
        for path, target in KNOWN.get(use.name, ()):
            if target == VIEWS:
                name = "draco" if use.name == DRACO else use.name
                kinds.update((owner[key], name) for owner, key in slots([use.payload], path))
    for index, kind in kinds_of_accessors(document, uses).items():
        kinds.update((view, kind) for view in views_of(document, index))
    for image in document.items("images"):
        if "bufferView" in image:
            kinds[image["bufferView"]] = "images"
    return kinds


def kinds_of_accessors(document: Document, uses: Sequence[Use]) -> dict[int, str]:
    kinds: dict[int, str] = {}
    for use in uses:
        for path, target in KNOWN.get(use.name, ()):
            if target == ACCESSORS:
                kinds.update((owner[key], use.name) for owner, key in slots([use.payload], path))
    for kind, path, target in CORE_INDICES:
        if target == ACCESSORS:
            found = walk(document.items(kind), path)
            kinds.update(dict.fromkeys(found, KIND_BY_PATH[path]))
    return kinds


def views_of(document: Document, index: int) -> Iterator[int]:
    accessor = document.item(ACCESSORS, index)
    sparse = accessor.get("sparse", {})
    for holder in (accessor, sparse.get("indices", {}), sparse.get("values", {})):
        if "bufferView" in holder:
            yield holder["bufferView"]


def unreferenced(document: Document, uses: Sequence[Use]) -> Iterator[Finding]:
    """Only what no known reference reaches; a vendor's extension may still mean it."""
    for kind in (ACCESSORS, VIEWS):
        yield from left_over(document, kind, set(count_references(document, list(uses), kind)))
    shown = set(walk(document.items("nodes"), ("mesh",)))
    yield from left_over(document, "meshes", shown)
    used = {image for image, role in roles(document).items() if not role.is_unused}
    yield from left_over(document, "images", used | shown_without_texture(uses))


def shown_without_texture(uses: Sequence[Use]) -> set[int]:
    """As far as it can be told: nobody has checked what such an extension holds."""
    found: set[int] = set()
    for use in uses:
        if path := SHOWN_WITHOUT_TEXTURE.get(use.name):
            with suppress(WrongShapeError):
                found.update(index for index in walk([use.payload], path) if type(index) is int)
    return found


def left_over(document: Document, kind: str, used: set[int]) -> Iterator[Finding]:
    idle = [index for index in range(len(document.items(kind))) if index not in used]
    if not idle:
        return
    noun = SINGULAR[kind] if len(idle) == 1 else kind
    numbers = ", ".join(str(index) for index in idle[:MOST_SHOWN])
    more = " …" if len(idle) > MOST_SHOWN else ""
    yield Finding("unreferenced", kind, f"{len(idle):,} {noun} that nothing uses: {numbers}{more}")
