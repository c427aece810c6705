"""Puts new pictures into the document, and names the extension that their format needs."""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Protocol

from worker.glb.container import Json, write_json
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
    @property
    def may_declare_webp(self) -> bool: ...


def apply_textures(draft: Draft, results: Sequence[NewTexture]) -> list[TextureReport]:
    users = textures_by_image(draft.document)
    judged = [(result, reason_against(users[result.report.image], result)) for result in results]
    reports = {
        result.report.image: result.report.as_it_was(problem) if problem else result.report
        for result, problem in judged
    }
    changes = [result for result, problem in judged if result.data is not None and not problem]
    readable = {number for number, report in reports.items() if report.mime_after in CORE_FORMATS}
    for change in changes:
        name_format(draft, users[change.report.image], change, readable)
    needless = {
        number: fallback
        for number in (change.report.image for change in changes)
        if (fallback := fallback_of(number, users[number])) is not None
    }
    put_all(draft, [change for change in changes if change.report.image not in needless])
    for number, fallback in needless.items():
        reports[number] = stand_in(draft, reports[number], reports[fallback])
    if not any(use.name == WEBP_EXTENSION for use in draft.uses) and not draft.frozen:
        draft.forget(WEBP_EXTENSION)
    return list(reports.values())


def fallback_of(number: int, textures: Sequence[Json]) -> int | None:
    """What is shown instead of an image whose textures have all done without it."""
    if not textures or any(number in sources(texture) for texture in textures):
        return None
    fallback: int = textures[0]["source"]
    return fallback


def put_all(draft: Draft, changes: Iterable[NewTexture]) -> None:
    """Equal pictures share their bytes, but never across colour spaces: loaders cache by bytes."""
    views: dict[tuple[str, bytes | None], int] = {}
    free = replaceable_views(draft)
    for change in changes:
        image = draft.document.item("images", change.report.image)
        key = (change.space, change.data)
        views[key] = put(draft, image, change, views.get(key), free)


def replaceable_views(draft: Draft) -> set[int]:
    """Those that one image has to itself, and that no unknown extension can mean by any number."""
    references = count_references(draft.document, draft.uses, VIEWS)
    unknown = [use.payload for use in draft.uses if use.name in draft.unknown]
    named = {int(number) for number in re.findall(rb"\d{1,9}", write_json(unknown))}
    return {view for view, count in references.items() if count == 1} - named


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
    image = result.report.image
    others = [texture for texture in users if webp_of(texture) != image]
    if any(set(sources(texture)) != {image} for texture in others):
        return "its texture offers another image besides"
    if any("source" not in texture and not declares_webp(texture) for texture in others):
        return "its texture names it only through an extension for another format"
    if others and not result.may_declare_webp:
        return "its texture does not declare WebP, and may not"
    return ""


def declares_webp(texture: Json) -> bool:
    return WEBP_EXTENSION in (texture.get("extensions") or {})


def webp_of(texture: Json) -> object:
    return (texture.get("extensions") or {}).get(WEBP_EXTENSION, {}).get("source")


def sources(texture: Json) -> Iterator[int]:
    for holder in (texture, *(texture.get("extensions") or {}).values()):
        if isinstance(holder, dict) and type(holder.get("source")) is int:
            yield holder["source"]


def put(
    draft: Draft, image: Json, result: NewTexture, shared: int | None, free: Collection[int]
) -> int:
    old = image.pop("bufferView", None)
    image.pop("uri", None)
    data = result.data or b""
    if shared is not None:
        index = shared
    elif old in free:
        draft.replace_view(index := old, data)
    else:
        index = draft.add_view(data)
    image["bufferView"] = index
    image["mimeType"] = result.mime
    return index


def name_format(
    draft: Draft, users: Iterable[Json], result: NewTexture, readable: Collection[int]
) -> None:
    for texture in users:
        declared = declares_webp(texture)
        if result.mime == WEBP and not declared:
            draft.attach(texture, WEBP_EXTENSION, {"source": texture.pop("source")})
            draft.require(WEBP_EXTENSION)
        elif result.mime in CORE_FORMATS and webp_of(texture) == result.report.image:
            replace_webp(draft, texture, readable)


def replace_webp(draft: Draft, texture: Json, readable: Collection[int]) -> None:
    """The picture is no WebP any more: it becomes the source, unless there is a fallback."""
    if texture.get("source") not in readable:
        texture["source"] = webp_of(texture)
    draft.detach(texture, WEBP_EXTENSION)


def stand_in(draft: Draft, report: TextureReport, other: TextureReport) -> TextureReport:
    """Images keep their numbers, so that one without a texture becomes the same as its fallback."""
    image, fallback = (draft.document.item("images", each.image) for each in (report, other))
    for key in ("bufferView", "uri", "mimeType"):
        image.pop(key, None)
        if key in fallback:
            image[key] = fallback[key]
    return report._replace(
        mime_after=other.mime_after,
        bytes_after=0,
        size_after=other.size_after,
        note=f"image {other.image} stands there for viewers without WebP",
    )
