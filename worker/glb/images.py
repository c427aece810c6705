"""Puts new pictures into the document, and names the extension that their format needs."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.draft import Draft
from worker.glb.extensions import VIEWS
from worker.glb.references import count_references
from worker.glb.report import TextureReport

WEBP, WEBP_EXTENSION = "image/webp", "EXT_texture_webp"
CORE_FORMATS = ("image/png", "image/jpeg")


class NewTexture(Protocol):
    """What becomes of one image; without data it stays as it is."""

    @property
    def data(self) -> bytes | None: ...
    @property
    def mime(self) -> str: ...
    @property
    def space(self) -> str: ...
    @property
    def report(self) -> TextureReport: ...


def apply_textures(draft: Draft, results: Sequence[NewTexture]) -> list[TextureReport]:
    """Equal pictures share their bytes, but never across colour spaces: loaders cache by bytes."""
    views: dict[tuple[str, bytes], int] = {}
    references = count_references(draft.document, draft.uses, VIEWS)
    textures = textures_by_image(draft.document)
    reports = []
    for result in results:
        users = textures[result.report.image]
        problem = reason_against(users, result)
        reports.append(result.report.as_it_was(problem) if problem else result.report)
        if result.data is not None and not problem:
            image = draft.document.item("images", result.report.image)
            key = (result.space, result.data)
            alone = references.get(image.get("bufferView", -1), 0) == 1
            views[key] = put(draft, image, result.data, views.get(key), alone=alone)
            name_format(draft, image, users, result)
    if not any(use.name == WEBP_EXTENSION for use in draft.uses) and not draft.frozen:
        draft.forget(WEBP_EXTENSION)
    return reports


def textures_by_image(document: Document) -> dict[int, list[Json]]:
    found: dict[int, list[Json]] = defaultdict(list)
    for texture in document.items("textures"):
        for image in set(sources(texture)):
            found[image].append(texture)
    return found


def reason_against(users: Sequence[Json], result: NewTexture) -> str:
    """A new format needs a texture to declare it, and one with an alternative has its own ways."""
    if result.data is None or result.mime in CORE_FORMATS:
        return ""
    if not users:
        return "no texture uses it"
    if any(set(sources(texture)) != {result.report.image} for texture in users):
        return "its texture offers another image besides"
    if any("source" not in texture and not declares_webp(texture) for texture in users):
        return "its texture names it only through an extension for another format"
    return ""


def declares_webp(texture: Json) -> bool:
    return WEBP_EXTENSION in (texture.get("extensions") or {})


def sources(texture: Json) -> Iterator[int]:
    for holder in (texture, *(texture.get("extensions") or {}).values()):
        if type(holder.get("source")) is int:
            yield holder["source"]


def put(draft: Draft, image: Json, data: bytes, shared: int | None, *, alone: bool) -> int:
    old = image.pop("bufferView", None)
    image.pop("uri", None)
    if shared is not None:
        index = shared
    elif old is not None and alone:
        draft.replace_view(index := old, data)
    else:
        index = draft.add_view(data)
    image["bufferView"] = index
    return index


def name_format(draft: Draft, image: Json, users: Iterable[Json], result: NewTexture) -> None:
    image["mimeType"] = result.mime
    for texture in users:
        declared = declares_webp(texture)
        if result.mime == WEBP and not declared:
            draft.attach(texture, WEBP_EXTENSION, {"source": texture.pop("source")})
            draft.require(WEBP_EXTENSION)
        elif result.mime in CORE_FORMATS and declared:
            replace_webp(draft, texture, result)


def replace_webp(draft: Draft, texture: Json, result: NewTexture) -> None:
    """The picture is no WebP any more; where it was not the fallback, it becomes the source."""
    if texture["extensions"][WEBP_EXTENSION].get("source") == result.report.image:
        texture["source"] = result.report.image
        draft.detach(texture, WEBP_EXTENSION)
