"""What a material reads from an image: that decides what may happen to it.

Colour is sRGB and forgiving; scalars (roughness, metal, occlusion …) and vectors (normals) are
linear, and their channels have nothing to do with each other. What an unknown extension reads may
be anything, feature ids included: not a bit of it may change, nor its size.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.measuring import MEASURING, measuring_infos


class Content(StrEnum):
    COLOR = "color"
    SCALARS = "scalars"
    ALPHA = "alpha"  # a scalar that shares its image with a colour, by design
    VECTOR = "vector"
    MIXED = "mixed"  # may be scaled, but must not lose anything
    EXACT = "exact"  # must not even be scaled


class Space(StrEnum):
    SRGB = "srgb"
    LINEAR = "linear"
    BOTH = "both"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Use:
    label: str
    space: Space
    content: Content
    reads_alpha: bool = False
    hides_color: bool = False  # where its alpha is 0, nobody sees what colour it has


def color(label: str) -> Use:
    return Use(label, Space.SRGB, Content.COLOR)


def scalars(label: str) -> Use:
    return Use(label, Space.LINEAR, Content.SCALARS)


def alpha(label: str) -> Use:
    return Use(label, Space.LINEAR, Content.ALPHA, reads_alpha=True)


def vector(label: str) -> Use:
    return Use(label, Space.LINEAR, Content.VECTOR)


def exact(label: str) -> Use:
    return Use(label, Space.UNKNOWN, Content.EXACT)


# The names are unique over the core and the ratified extensions, so the path to them is not needed.
USES: dict[str, Use] = {
    "baseColorTexture": color("base color"),
    "emissiveTexture": color("emission"),
    "metallicRoughnessTexture": scalars("metallic-roughness"),
    "occlusionTexture": scalars("occlusion"),
    "normalTexture": vector("normal"),
    "anisotropyTexture": vector("anisotropy"),
    "clearcoatTexture": scalars("clearcoat"),
    "clearcoatRoughnessTexture": scalars("clearcoat roughness"),
    "clearcoatNormalTexture": vector("clearcoat normal"),
    "diffuseTexture": color("diffuse"),
    "specularGlossinessTexture": Use(
        "specular-glossiness", Space.SRGB, Content.SCALARS, reads_alpha=True
    ),
    "diffuseTransmissionTexture": alpha("diffuse transmission"),
    "diffuseTransmissionColorTexture": color("diffuse transmission color"),
    "iridescenceTexture": scalars("iridescence"),
    "iridescenceThicknessTexture": scalars("iridescence thickness"),
    "sheenColorTexture": color("sheen color"),
    "sheenRoughnessTexture": alpha("sheen roughness"),
    "specularTexture": alpha("specular"),
    "specularColorTexture": color("specular color"),
    "thicknessTexture": scalars("thickness"),
    "transmissionTexture": scalars("transmission"),
}
COVERING = ("baseColorTexture", "diffuseTexture")  # their alpha is how much of the surface there is
UNUSED = exact("unused")
UNNAMED = exact("unknown")
SOURCES = ("EXT_texture_webp", "EXT_texture_avif", "KHR_texture_basisu", "MSFT_texture_dds")


@dataclass(frozen=True, slots=True)
class Role:
    """Everything that the materials read from one image."""

    uses: frozenset[Use]
    is_fallback: bool = False  # for viewers that can't read what the texture really wants

    @property
    def label(self) -> str:
        return " + ".join(sorted({use.label for use in self.uses}))

    @property
    def content(self) -> Content:
        kinds = {use.content for use in self.uses}
        if Content.EXACT in kinds:
            return Content.EXACT
        if len(kinds) > 1:
            kinds.discard(Content.ALPHA)
        if len(kinds) == 1:
            return kinds.pop()
        return Content.MIXED if Content.COLOR in kinds else Content.VECTOR

    @property
    def hides_data(self) -> bool:
        """Its colour matters even where its alpha is 0."""
        return not all(use.hides_color for use in self.uses)

    @property
    def reads_alpha(self) -> bool:
        return any(use.reads_alpha for use in self.uses)

    @property
    def space(self) -> Space:
        spaces = {use.space for use in self.uses}
        return spaces.pop() if len(spaces) == 1 else Space.BOTH

    @property
    def is_unused(self) -> bool:
        return self.uses == {UNUSED}


def roles(document: Document) -> dict[int, Role]:
    """The role of every image, by its index."""
    by_texture = uses_of_textures(document)
    by_image: dict[int, set[Use]] = defaultdict(set)
    fallbacks: set[int] = set()
    for number, texture in enumerate(document.items("textures")):
        preferred = list(preferred_images(texture))
        images = [*preferred, *([texture["source"]] if "source" in texture else [])]
        for image in images:
            by_image[image] |= by_texture[number] or {UNNAMED}
        if preferred:
            fallbacks.update(images[len(preferred) :])
    return {
        image: Role(frozenset(by_image[image] or {UNUSED}), image in fallbacks)
        for image in range(len(document.items("images")))
    }


def preferred_images(texture: Json) -> Iterator[int]:
    extensions = texture.get("extensions") or {}
    for name in SOURCES:
        source = (extensions.get(name) or {}).get("source")
        if type(source) is int:
            yield source


def uses_of_textures(document: Document) -> dict[int, set[Use]]:
    found: dict[int, set[Use]] = defaultdict(set)
    for material in document.items("materials"):
        covers = has_coverage(material)
        for name, texture in texture_infos(material):
            use = USES.get(name) or exact(name)
            covered = covers and name in COVERING
            found[texture].add(replace(use, hides_color=True) if covered else use)
    if not MEASURING.isdisjoint(document.root.get("extensionsUsed", ())):
        for info in measuring_infos([document.root.get("extensions"), document.items("meshes")]):
            found[info["index"]].add(exact("data"))
    return found


def has_coverage(material: Json) -> bool:
    """OPAQUE, the default, shows everything, and so does a cutoff that nothing is below."""
    match material.get("alphaMode"):
        case "BLEND":
            return True
        case "MASK":
            cutoff = material.get("alphaCutoff", 0.5)
            return type(cutoff) in (int, float) and cutoff > 0
    return False


def texture_infos(material: Json) -> Iterator[tuple[str, int]]:
    stack: list[tuple[str, object]] = list(material.items())
    while stack:
        name, item = stack.pop()
        if isinstance(item, list):
            stack.extend((name, child) for child in item)
        elif isinstance(item, dict) and name != "extras":
            if type(item.get("index")) is int:
                yield name, item["index"]
            else:
                stack.extend(item.items())
