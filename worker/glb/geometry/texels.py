"""How many texels a set of texture coordinates spans: that decides how finely it is rounded."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.errors import GlbError
from worker.glb.extensions import METADATA
from worker.glb.geometry.groups import Group
from worker.glb.measuring import measuring_infos
from worker.glb.picture_size import picture_size

Sides = Mapping[int, int]  # by image, the longer side that it will have, where that is known
UNKNOWN_SIZE = 4096
# Where nothing is textured yet, the first set waits for a texture: previews come without one.
AWAITED = {"TEXCOORD_0": 2048}
MOST_REPEATS = 1e6  # of a texture over the unit square; beyond that nothing is rounded anyhow
VARIANTS = "KHR_materials_variants"
TRANSFORM = "KHR_texture_transform"


class Placement(NamedTuple):
    texture: int
    texcoord: int
    scale: float


@dataclass(slots=True)
class Texels:
    """Each material and image is looked at once, however many primitives show it."""

    document: Document
    sides: Sides
    by_material: dict[int, dict[str, int]] = field(default_factory=dict)
    by_image: dict[int, int] = field(default_factory=dict)
    properties: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        """The sets that property textures are read by; who has any is not told apart."""
        extensions = self.document.root.get("extensions") or {}
        self.properties = measuring_sets({METADATA: extensions.get(METADATA)})

    def by_set(self, group: Group) -> dict[str, int]:
        """For each TEXCOORD that places a texture, the side of the largest one, in texels.

        Numbers in textures are read from the nearest texel: what leads to them is data itself.
        """
        found: dict[str, int] = {}
        for material in materials_of(group):
            widen(found, self.of_material(material))
        data = self.measuring(group)
        return {name: side for name, side in (found or AWAITED).items() if name not in data}

    def measuring(self, group: Group) -> frozenset[str]:
        held = [primitive.get("extensions") or {} for primitive in group.primitives]
        has_properties = any(METADATA in extensions for extensions in held)
        return measuring_sets(held) | (self.properties if has_properties else frozenset())

    def of_material(self, number: int) -> dict[str, int]:
        if number not in self.by_material:
            found = self.by_material[number] = {}
            for placed in placements(self.document.item("materials", number)):
                side = round(self.of_texture(placed.texture) * placed.scale)
                widen(found, {f"TEXCOORD_{placed.texcoord}": side})
        return self.by_material[number]

    def of_texture(self, index: int) -> int:
        """The largest of its images: an extension may name another than the core does."""
        texture = self.document.item("textures", index)
        others = (texture.get("extensions") or {}).values()
        named = [holder.get("source") for holder in (texture, *others)]
        return max((self.of_image(image) for image in named if type(image) is int), default=1)

    def of_image(self, index: int) -> int:
        if index not in self.by_image:
            self.by_image[index] = self.sides.get(index) or image_side(self.document, index)
        return self.by_image[index]


def widen(found: dict[str, int], others: Mapping[str, int]) -> None:
    for name, side in others.items():
        found[name] = max(found.get(name, 0), side)


def materials_of(group: Group) -> list[int]:
    numbers: set[Any] = set()
    for primitive in group.primitives:
        numbers.add(primitive.get("material"))
        variants = (primitive.get("extensions") or {}).get(VARIANTS, {})
        numbers.update(mapping.get("material") for mapping in variants.get("mappings", []))
    return sorted(numbers - {None})


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


def measuring_sets(item: object) -> frozenset[str]:
    return frozenset(f"TEXCOORD_{placement(info).texcoord}" for info in measuring_infos(item))


def placement(info: Json) -> Placement:
    transform = transform_of(info)
    texcoord: Any = transform.get("texCoord", info.get("texCoord", 0))
    return Placement(info["index"], texcoord, scale_of(transform.get("scale")))


def transform_of(info: Json) -> Json:
    """Properties have names of the author's choice: what is called `extensions` may be anything."""
    held = info.get("extensions")
    transform = held.get(TRANSFORM) if isinstance(held, dict) else None
    return transform if isinstance(transform, dict) else {}


def scale_of(scale: Any) -> float:
    if not isinstance(scale, list) or any(type(side) not in (int, float) for side in scale):
        return 1.0
    return min(MOST_REPEATS, max([1.0, *(abs(float(side)) for side in scale)]))


def image_side(document: Document, index: int) -> int:
    try:
        size = picture_size(document.view(document.item("images", index)["bufferView"]))
    except (GlbError, KeyError):
        return UNKNOWN_SIZE
    return max(size) if size else UNKNOWN_SIZE
