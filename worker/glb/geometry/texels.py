"""How many texels a set of texture coordinates spans: that decides how finely it is rounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.geometry.groups import Group
from worker.glb.picture_size import picture_size

Sides = Mapping[int, int]  # by image, the longer side that it will have, where that is known
NO_SIDES: Sides = MappingProxyType({})
UNKNOWN_SIZE = 4096
# Where nothing is textured yet, the first set waits for a texture: previews come without one.
AWAITED = {"TEXCOORD_0": 2048}
VARIANTS = "KHR_materials_variants"
TRANSFORM = "KHR_texture_transform"


@dataclass(frozen=True, slots=True)
class Placement:
    texture: int
    texcoord: int
    scale: float


def texels_by_set(document: Document, group: Group, sides: Sides) -> dict[str, int]:
    """For each TEXCOORD that places a texture, the side of the largest one, in texels."""
    found: dict[str, int] = {}
    for material in materials_of(document, group):
        for placement in placements(material):
            side = texture_side(document, placement.texture, sides)
            name = f"TEXCOORD_{placement.texcoord}"
            found[name] = max(found.get(name, 0), round(side * placement.scale))
    return found or AWAITED


def materials_of(document: Document, group: Group) -> Iterator[Json]:
    numbers: set[Any] = set()
    for primitive in group.primitives:
        numbers.add(primitive.get("material"))
        variants = (primitive.get("extensions") or {}).get(VARIANTS, {})
        numbers.update(mapping.get("material") for mapping in variants.get("mappings", []))
    for number in sorted(numbers - {None}):
        yield document.item("materials", number)


def placements(material: Json) -> Iterator[Placement]:
    """Any object with an `index` under a key that ends in `Texture`, the extensions' too."""
    stack = [material]
    while stack:
        for key, value in stack.pop().items():
            if key == "extras" or not isinstance(value, dict):
                continue
            if key.endswith("Texture") and type(value.get("index")) is int:
                yield placement(value)
            else:
                stack.append(value)


def placement(info: Json) -> Placement:
    transform = (info.get("extensions") or {}).get(TRANSFORM, {})
    texcoord = transform.get("texCoord", info.get("texCoord", 0))
    return Placement(info["index"], texcoord, scale_of(transform.get("scale")))


def scale_of(scale: Any) -> float:
    if not isinstance(scale, list) or any(type(side) not in (int, float) for side in scale):
        return 1.0
    return max([1.0, *(abs(float(side)) for side in scale)])


def texture_side(document: Document, index: int, sides: Sides) -> int:
    """The largest of its images: an extension may name another than the core does."""
    texture = document.item("textures", index)
    others = (texture.get("extensions") or {}).values()
    sources = {holder.get("source") for holder in (texture, *others)} - {None}
    return max((sides.get(source) or image_side(document, source) for source in sources), default=1)


def image_side(document: Document, index: int) -> int:
    try:
        size = picture_size(document.view(document.item("images", index)["bufferView"]))
    except (GlbError, KeyError):
        return UNKNOWN_SIZE
    return max(size) if size else UNKNOWN_SIZE
