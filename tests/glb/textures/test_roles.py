from typing import Any

import pytest

from tests.glb.build import Builder
from worker.glb.document import Document
from worker.glb.textures.roles import Content, Role, Space, roles


def role_of(*materials: dict[str, Any], textures: int = 1, used: str = "") -> Role:
    """Of the one image that every texture shows."""
    builder = Builder()
    image = builder.image(b"", "image/png")
    for _ in range(textures):
        builder.texture(image)
    for material in materials:
        builder.material(**material)
    if used:
        builder.declare(used)
    return roles(Document.read(builder.data()))[0]


def extension(name: str, slot: str, index: int = 0) -> dict[str, Any]:
    return {"extensions": {name: {slot: {"index": index}}}}


@pytest.mark.parametrize(
    ("material", "space", "content"),
    [
        ({"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}, "srgb", "color"),
        ({"pbrMetallicRoughness": {"metallicRoughnessTexture": {"index": 0}}}, "linear", "scalars"),
        ({"normalTexture": {"index": 0, "scale": 2}}, "linear", "vector"),
        ({"occlusionTexture": {"index": 0}}, "linear", "scalars"),
        ({"emissiveTexture": {"index": 0}}, "srgb", "color"),
        (extension("KHR_materials_clearcoat", "clearcoatNormalTexture"), "linear", "vector"),
        (extension("KHR_materials_sheen", "sheenColorTexture"), "srgb", "color"),
        (extension("KHR_materials_volume", "thicknessTexture"), "linear", "scalars"),
        (extension("KHR_materials_anisotropy", "anisotropyTexture"), "linear", "vector"),
        (
            extension("KHR_materials_pbrSpecularGlossiness", "specularGlossinessTexture"),
            "srgb",
            "scalars",
        ),
    ],
)
def test_a_slot_says_space_and_content(material: dict[str, Any], space: str, content: str) -> None:
    """The slots of the core and of the ratified extensions are told apart."""
    role = role_of(material)
    assert (role.space, role.content) == (space, content)


def test_data_of_two_kinds_is_data() -> None:
    """Occlusion, roughness and metal in one image stay scalars."""
    role = role_of(
        {
            "occlusionTexture": {"index": 0},
            "pbrMetallicRoughness": {"metallicRoughnessTexture": {"index": 0}},
        }
    )
    assert role.content is Content.SCALARS
    assert role.label == "metallic-roughness + occlusion"


def test_colour_that_is_data_as_well_may_lose_nothing() -> None:
    """One image read in two colour spaces, even through two textures, is never lossy."""
    role = role_of({"emissiveTexture": {"index": 0}, "normalTexture": {"index": 1}}, textures=2)
    assert (role.space, role.content) == (Space.BOTH, Content.MIXED)


def test_a_scalar_in_the_alpha_of_a_colour_is_by_design() -> None:
    """Sheen colour with its roughness is colour, of which transparent pixels keep theirs."""
    role = role_of(
        extension("KHR_materials_sheen", "sheenColorTexture"),
        extension("KHR_materials_sheen", "sheenRoughnessTexture"),
    )
    assert role.content is Content.COLOR
    assert role.hides_data


BASE_COLOR = {"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}
SPECULAR_GLOSSINESS = "KHR_materials_pbrSpecularGlossiness"


@pytest.mark.parametrize(
    "materials",
    [
        [BASE_COLOR],
        [BASE_COLOR | {"alphaMode": "OPAQUE"}],
        [BASE_COLOR | {"alphaMode": "MASK", "alphaCutoff": 0}],
        [BASE_COLOR | {"alphaMode": "BLEND"}, BASE_COLOR],
        [BASE_COLOR | {"alphaMode": "BLEND", "emissiveTexture": {"index": 0}}],
        [{"alphaMode": "BLEND", "emissiveTexture": {"index": 0}}],
        [{"alphaMode": "BLEND"} | extension("KHR_materials_sheen", "sheenColorTexture")],
        [{"alphaMode": "BLEND"} | extension("KHR_materials_specular", "specularColorTexture")],
    ],
)
def test_colour_under_an_alpha_that_covers_nothing_counts(materials: list[dict[str, Any]]) -> None:
    """One material that shows it is enough."""
    assert role_of(*materials).hides_data


@pytest.mark.parametrize(
    "material",
    [
        BASE_COLOR | {"alphaMode": "BLEND"},
        BASE_COLOR | {"alphaMode": "MASK"},
        {"alphaMode": "MASK"} | extension(SPECULAR_GLOSSINESS, "diffuseTexture"),
    ],
)
def test_colour_that_nobody_can_see_does_not_count(material: dict[str, Any]) -> None:
    """Where the alpha of the surface itself is 0, there is no surface."""
    assert not role_of(material).hides_data


def test_one_slot_is_told_of_once() -> None:
    """However the materials differ."""
    assert role_of(BASE_COLOR, BASE_COLOR | {"alphaMode": "BLEND"}).label == "base color"


def test_what_an_unknown_extension_reads_is_exact() -> None:
    """Nobody knows what VENDOR_material does with its texture."""
    role = role_of(
        {"emissiveTexture": {"index": 0}}, extension("VENDOR_material", "mysteryTexture")
    )
    assert role.content is Content.EXACT


def test_what_an_unknown_extension_reads_in_a_list_is_exact() -> None:
    """It may have any number of layers."""
    layers = {"layers": [{"mask": {"index": 0}}, {"index": 0}]}
    role = role_of(BASE_COLOR, {"extensions": {"VENDOR_layers": layers}})
    assert role.content is Content.EXACT
    assert role.label == "base color + layers + mask"


@pytest.mark.parametrize("info", [{"index": 0, "channels": [0]}, {"index": 0}])
def test_a_feature_id_texture_is_exact(info: dict[str, Any]) -> None:
    """A feature id that is off by one names another feature; of one channel not all say so."""
    builder = showing_colors()
    features = {"featureIds": [{"texture": info}]}
    primitive: dict[str, Any] = {"attributes": {}, "extensions": {"EXT_mesh_features": features}}
    builder.mesh(primitive)
    builder.declare("EXT_mesh_features")
    assert roles(Document.read(builder.data()))[0].content is Content.EXACT


@pytest.mark.parametrize("info", [{"index": 0, "channels": [0, 1]}, {"index": 0}])
def test_a_property_texture_is_exact(info: dict[str, Any]) -> None:
    """A measured value may be in any bit of a texel."""
    builder = showing_colors()
    textures = [{"class": "rock", "properties": {"hardness": info}}]
    builder.root["extensions"] = {"EXT_structural_metadata": {"propertyTextures": textures}}
    builder.declare("EXT_structural_metadata")
    assert roles(Document.read(builder.data()))[0].content is Content.EXACT


def showing_colors() -> Builder:
    builder = Builder()
    builder.texture(builder.image(b"", "image/png"))
    builder.material(**BASE_COLOR)
    return builder


def test_a_texture_that_no_material_names_is_exact() -> None:
    """Another extension may reach it by its number."""
    assert role_of({}).content is Content.EXACT


def test_an_image_without_a_texture_is_unused() -> None:
    """It is told of as such."""
    assert role_of({}, textures=0).is_unused


def test_the_image_behind_a_webp_is_a_fallback() -> None:
    """`source` beside EXT_texture_webp is for viewers that can't read WebP."""
    builder = Builder()
    webp, png = builder.image(b"", "image/webp"), builder.image(b"", "image/png")
    builder.texture(png, extensions={"EXT_texture_webp": {"source": webp}})
    builder.material(emissiveTexture={"index": 0})
    found = roles(Document.read(builder.data()))
    assert (found[webp].is_fallback, found[png].is_fallback) == (False, True)
    assert found[webp].content is found[png].content is Content.COLOR
