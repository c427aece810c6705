"""Drops accessors and buffer views that nobody refers to, and the bytes between those in use."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.draft import Draft
from worker.glb.extensions import ACCESSORS, COMPRESSED_VIEW, VIEWS
from worker.glb.layout import extent
from worker.glb.references import count_references, renumber, slots_of

Span = tuple[int, int]
ALIGNMENT = 4


def prune(draft: Draft) -> None:
    if draft.frozen:
        return
    drop_unused(draft, ACCESSORS)
    narrow_views(draft)
    drop_unused(draft, VIEWS)


def drop_unused(draft: Draft, kind: str) -> None:
    document = draft.document
    items = document.items(kind)
    used = count_references(document, draft.uses, kind)
    if all(index in used for index in range(len(items))):
        return
    left = [index for index in range(len(items)) if index in used]
    numbers = {old: new for new, old in enumerate(left)}
    renumber(document, draft.uses, kind, numbers)
    set_items(document, kind, [items[old] for old in left])
    if kind == VIEWS:
        draft.contents = {
            numbers[old]: content for old, content in draft.contents.items() if old in numbers
        }


def set_items(document: Document, kind: str, items: Sequence[Json]) -> None:
    """An empty array is no valid glTF."""
    if items:
        document.root[kind] = list(items)
    else:
        document.root.pop(kind, None)


def narrow_views(draft: Draft) -> None:
    """Where accessors use only parts of a view, each part becomes a view of its own."""
    document = draft.document
    only_accessors = views_of_accessors_alone(draft)
    for index, accessors in only_accessors.items():
        view = document.item("bufferViews", index)
        parts = merged(accessor_span(accessor, view) for accessor in accessors)
        if sum(end - start for start, end in parts) < view["byteLength"]:
            split(document, index, accessors, parts)


def views_of_accessors_alone(draft: Draft) -> dict[int, list[Json]]:
    document = draft.document
    accessors = document.items(ACCESSORS)
    plain = {id(accessor) for accessor in accessors}
    users: dict[int, list[Json]] = {}
    others: set[int] = set()
    for owner, key in slots_of(document, draft.uses, VIEWS):
        if id(owner) in plain:
            users.setdefault(owner[key], []).append(owner)
        else:
            others.add(owner[key])
    return {
        index: users[index]
        for index in users
        if index not in others | draft.contents.keys()
        and is_plain(document.item("bufferViews", index))
    }


def is_plain(view: Json) -> bool:
    return view["buffer"] == 0 and not COMPRESSED_VIEW & (view.get("extensions") or {}).keys()


def accessor_span(accessor: Json, view: Json) -> Span:
    """In whole strides, as loaders cut arrays that way; from a multiple of four, for floats."""
    start, stride = accessor.get("byteOffset", 0), view.get("byteStride", ALIGNMENT)
    if stride % ALIGNMENT:
        return 0, view["byteLength"]
    end = start + extent(accessor, view.get("byteStride"))
    if "byteStride" in view:
        end = min(end + -end % stride, view["byteLength"])
    return start - start % stride, end


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same bytes as spans that neither overlap nor touch."""
    result: list[Span] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        else:
            result.append((start, end))
    return result


def split(document: Document, index: int, accessors: Sequence[Json], parts: list[Span]) -> None:
    """The first part takes the view's place. Interleaved accessors overlap, so they stay one."""
    views = document.items(VIEWS)
    view = views[index]
    numbers = [index, *range(len(views), len(views) + len(parts) - 1)]
    starts = [start for start, _ in parts]
    for accessor in accessors:
        offset = accessor.get("byteOffset", 0)
        part = bisect_right(starts, offset) - 1
        accessor["bufferView"] = numbers[part]
        accessor["byteOffset"] = offset - parts[part][0]
    base = view.get("byteOffset", 0)
    cut = [view | {"byteOffset": base + start, "byteLength": end - start} for start, end in parts]
    views[index] = cut[0]
    views.extend(cut[1:])
