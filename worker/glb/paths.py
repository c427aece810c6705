"""Where a glTF document holds indices. Whole columns are walked at once: that is what is fast."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from worker.glb.errors import GlbError

EACH, VALUES = "[]", "{}"  # all items of an array, all values of an object
Path = tuple[str, ...]

CORE_INDICES: tuple[tuple[str, Path, str], ...] = (
    ("scenes", ("nodes", EACH), "nodes"),
    ("nodes", ("children", EACH), "nodes"),
    ("nodes", ("mesh",), "meshes"),
    ("nodes", ("skin",), "skins"),
    ("nodes", ("camera",), "cameras"),
    ("meshes", ("primitives", EACH, "attributes", VALUES), "accessors"),
    ("meshes", ("primitives", EACH, "indices"), "accessors"),
    ("meshes", ("primitives", EACH, "targets", EACH, VALUES), "accessors"),
    ("meshes", ("primitives", EACH, "material"), "materials"),
    ("materials", ("pbrMetallicRoughness", "baseColorTexture", "index"), "textures"),
    ("materials", ("pbrMetallicRoughness", "metallicRoughnessTexture", "index"), "textures"),
    ("materials", ("normalTexture", "index"), "textures"),
    ("materials", ("occlusionTexture", "index"), "textures"),
    ("materials", ("emissiveTexture", "index"), "textures"),
    ("textures", ("source",), "images"),
    ("textures", ("sampler",), "samplers"),
    ("images", ("bufferView",), "bufferViews"),
    ("skins", ("inverseBindMatrices",), "accessors"),
    ("skins", ("skeleton",), "nodes"),
    ("skins", ("joints", EACH), "nodes"),
    ("animations", ("samplers", EACH, "input"), "accessors"),
    ("animations", ("samplers", EACH, "output"), "accessors"),
    ("animations", ("channels", EACH, "target", "node"), "nodes"),
    ("accessors", ("bufferView",), "bufferViews"),
    ("accessors", ("sparse", "indices", "bufferView"), "bufferViews"),
    ("accessors", ("sparse", "values", "bufferView"), "bufferViews"),
    ("bufferViews", ("buffer",), "buffers"),
)


class WrongShapeError(Exception):
    """A walk met something else than the object or array that it needs."""


def walk(level: Sequence[Any], path: Iterable[str]) -> Sequence[Any]:
    """All that lies at the path, over all items at once."""
    for step in path:
        if step == EACH:
            level = [child for item in all_are(list, level) for child in item]
        elif step == VALUES:
            level = [child for item in all_are(dict, level) for child in item.values()]
        else:
            level = [item[step] for item in all_are(dict, level) if step in item]
    return level


def all_are(kind: type, level: Sequence[Any]) -> Sequence[Any]:
    if not set(map(type, level)) <= {kind}:
        raise WrongShapeError("must be an array" if kind is list else "must be an object")
    return level


def slots(level: Sequence[Any], path: Path) -> Iterator[tuple[Any, Any]]:
    """As a walk, but the container and key of each value, so that it can be replaced."""
    *above, last = path
    owners = all_are(list if last == EACH else dict, walk(level, above))
    if last == EACH:
        yield from ((owner, number) for owner in owners for number in range(len(owner)))
    elif last == VALUES:
        yield from ((owner, key) for owner in owners for key in owner)
    else:
        yield from ((owner, last) for owner in owners if last in owner)


def all_below(values: Sequence[Any], limit: int) -> bool:
    if not values:
        return True
    return set(map(type, values)) == {int} and min(values) >= 0 and max(values) < limit


def check_indices(kind: str, items: Sequence[Any], path: Path, target: str, limit: int) -> None:
    try:
        if all_below(walk(items, path), limit):
            return
    except WrongShapeError:
        pass
    for number, item in enumerate(items):
        check_indices_of(f"{SINGULAR[kind]} {number}", item, path, target, limit)


def check_indices_of(place: str, item: Any, path: Path, target: str, limit: int) -> None:
    where = ".".join(step for step in path if step not in (EACH, VALUES))
    try:
        values = walk([item], path)
    except WrongShapeError as error:
        raise GlbError(place, f"{where}: something {error}") from None
    for value in values:
        if not all_below([value], limit):
            raise GlbError(place, f"{where} is {value!r}, but there are {limit} {target}")


SINGULAR = {
    "accessors": "accessor",
    "animations": "animation",
    "bufferViews": "bufferView",
    "buffers": "buffer",
    "cameras": "camera",
    "images": "image",
    "materials": "material",
    "meshes": "mesh",
    "nodes": "node",
    "samplers": "sampler",
    "scenes": "scene",
    "skins": "skin",
    "textures": "texture",
}
