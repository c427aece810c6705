from base64 import b64encode
from typing import Any

import numpy as np
import pytest

from tests.glb.build import Builder, Surface, bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, shown_as
from worker.glb import Findings, GlbError, check


def checked(builder: Builder) -> Findings:
    return check(builder.data())


def texts(findings: Findings, code: str) -> list[tuple[str, str]]:
    return [(found.place, found.text) for found in findings.findings if found.code == code]


def with_normals(change: Any) -> Findings:
    surface = bumpy()
    change(surface.normals)
    return checked(one_mesh(surface))


def test_a_sound_file_has_no_findings() -> None:
    """Nothing is said where nothing is wrong."""
    assert checked(one_mesh()).findings == ()


def test_it_says_what_is_in_a_file() -> None:
    """Triangles, vertices, attributes with their types, and counts."""
    findings = checked(one_mesh())
    (primitive,) = findings.primitives
    assert (primitive.mode, primitive.triangles, primitive.vertices) == ("triangles", 1058, 576)
    assert primitive.attributes == {
        "POSITION": "f32 x 3",
        "NORMAL": "f32 x 3",
        "TEXCOORD_0": "f32 x 2",
    }
    assert findings.counts["meshes"] == 1
    assert findings.triangles == 1058


def test_bytes_by_kind_add_up_to_the_file() -> None:
    """Every byte is counted once."""
    builder = shown_as("emissiveTexture", encoded(gradient()))
    findings = checked(builder)
    assert sum(findings.bytes_by_kind.values()) == findings.bytes == len(builder.data())
    assert findings.bytes_by_kind["images"] == len(encoded(gradient()))
    assert findings.bytes_by_kind["vertices"] == 16 * (12 + 12 + 8)


@pytest.mark.parametrize(("mode", "triangles"), [(5, 574), (6, 574), (0, 0), (1, 0)])
def test_strips_and_fans_are_counted(mode: int, triangles: int) -> None:
    """Points and lines have no triangles."""
    surface = bumpy()
    builder = Builder()
    builder.mesh(builder.primitive(surface.attributes, mode=mode))
    assert checked(builder).triangles == triangles


def test_numbers_that_are_none_are_found() -> None:
    """NaN and Inf, in any attribute."""

    def spoil(normals: Any) -> None:
        normals[3] = np.nan
        normals[5, 1] = np.inf

    findings = with_normals(spoil)
    assert texts(findings, "not-a-number") == [
        ("mesh 0 primitive 0", "NORMAL: 2 of 576 are NaN or Inf")
    ]


def test_both_infinities_are_found_without_a_warning() -> None:
    """Nor do numbers break the look that overflow when they are added up."""
    surface = bumpy()
    surface.positions[:2] = [[np.inf], [-np.inf]]
    surface.normals[:2] = [[3e38], [-3e38]]
    builder = one_mesh(surface)
    weights = np.full((576, 4), 3e38, np.float32)
    first_primitive = builder.root["meshes"][0]["primitives"][0]
    first_primitive["attributes"]["WEIGHTS_0"] = builder.accessor(weights)
    findings = check(builder.data()).findings
    assert {"not-a-number", "normals-not-unit", "weights-not-one"} <= {f.code for f in findings}


def test_normals_without_length_are_found() -> None:
    """They make a surface black."""

    def flatten(normals: Any) -> None:
        normals[:4] = 0

    assert texts(with_normals(flatten), "zero-normals") == [
        ("mesh 0 primitive 0", "4 of 576 normals have no length")
    ]


def test_degenerate_triangles_and_unused_vertices_are_found() -> None:
    """By the places of their corners, not only by their numbers."""
    surface = bumpy()
    faces = surface.faces.copy()
    faces[0] = faces[0, 0]
    faces[faces == 575] = 574
    findings = checked(one_mesh(Surface(surface.positions, surface.normals, surface.uvs, faces)))
    assert [text for _, text in texts(findings, "degenerate-triangles")] == [
        "2 of 1,058 triangles have two corners in one place"
    ]
    assert [text for _, text in texts(findings, "unused-vertices")] == [
        "1 of 576 vertices are drawn by nothing"
    ]


def test_vertices_that_another_primitive_draws_are_used() -> None:
    """Two primitives over one store: together they use all of it."""
    surface = bumpy()
    builder = Builder()
    first = builder.primitive(surface.attributes, surface.faces[:500])
    second = first | {"indices": builder.indices(surface.faces[500:])}
    builder.mesh(first, second)
    assert checked(builder).findings == ()


def test_weights_that_do_not_add_up_are_found() -> None:
    """Over all sets of them together."""
    surface = bumpy()
    weights = np.full((576, 4), 0.25, np.float32)
    weights[:9] = 0.1
    joints = np.zeros((576, 4), np.uint8)
    builder = Builder()
    skinned = surface.attributes | {"JOINTS_0": joints, "WEIGHTS_0": weights}
    builder.mesh(builder.primitive(skinned, surface.faces))
    assert [text for _, text in texts(checked(builder), "weights-not-one")] == [
        "the weights of 9 of 576 vertices don't add up to 1"
    ]


def test_attributes_that_differ_in_length_are_found() -> None:
    """Also where the weights of a vertex would have to be added up."""
    weights = {f"WEIGHTS_{n}": np.ones((576 - n, 4), np.float32) / 4 for n in range(2)}
    builder = Builder()
    builder.mesh(builder.primitive(bumpy().attributes | weights, bumpy().faces))
    (found,) = texts(checked(builder), "attributes-differ")
    assert "WEIGHTS_0 576, WEIGHTS_1 575" in found[1]


def test_a_mesh_too_large_for_roblox_is_found() -> None:
    """Counted over all primitives of the mesh."""
    half = bumpy(85)
    builder = Builder()
    primitive = builder.primitive(half.attributes, half.faces)
    builder.mesh(primitive, primitive | {"material": builder.material()})
    assert texts(checked(builder), "many-triangles") == [
        ("mesh 0", "28,224 triangles; Roblox takes 20,000 in one mesh")
    ]


def test_a_large_texture_is_found() -> None:
    """With the option that scales it."""
    findings = checked(shown_as("emissiveTexture", encoded(gradient(4).resize((4096, 2)))))
    assert texts(findings, "large-texture") == [
        ("image 0", "4096 x 2; --max-texture 2048 scales it")
    ]


def test_a_texture_tells_its_role() -> None:
    """And its size and space."""
    (facts,) = checked(shown_as("normalTexture", encoded(gradient()))).textures
    assert (facts.role, facts.space, facts.mime) == ("normal", "linear", "image/png")
    assert facts.size == (64, 64)


def test_misplaced_images_are_found() -> None:
    """A wrong mimeType, a data URI, a file that is not here, an image that nothing shows."""
    picture = encoded(gradient(4))
    builder = Builder()
    builder.image(picture, "image/jpeg")
    builder.texture(
        builder.add("images", {"uri": "data:image/png;base64," + b64encode(picture).decode()})
    )
    builder.texture(builder.add("images", {"uri": "skin.png"}))
    codes = {(found.code, found.place) for found in checked(builder).findings}
    assert codes == {
        ("wrong-mime-type", "image 0"),
        ("data-uri", "image 1"),
        ("no-image-data", "image 2"),
        ("unreferenced", "images"),
    }


def test_what_nothing_refers_to_is_found() -> None:
    """Accessors, views and meshes."""
    builder = one_mesh()
    builder.accessor(np.zeros((4, 3), np.float32))
    builder.view(bytes(100))
    builder.add("meshes", {"primitives": [{"attributes": {"POSITION": 0}}]})
    assert texts(checked(builder), "unreferenced") == [
        ("accessors", "1 accessor that nothing uses: 4"),
        ("bufferViews", "1 bufferView that nothing uses: 5"),
        ("meshes", "1 mesh that nothing uses: 1"),
    ]


def test_an_image_that_only_an_extension_shows_is_used() -> None:
    """The sides of a surrounding light, and a portrait, need no texture."""
    builder = one_mesh()
    sides = [builder.image(encoded(gradient(4)), "image/png") for _ in range(7)]
    builder.image(encoded(gradient(4)), "image/png")
    lights = [{"specularImages": [sides[:6]]}, {"specularImages": [3, ["what?"]]}]
    builder.root["extensions"] = {
        "EXT_lights_image_based": {"lights": lights[:1]},
        "VRMC_vrm": {"meta": {"thumbnailImage": sides[6]}},
    }
    assert texts(checked(builder), "unreferenced") == [
        ("images", "1 image that nothing uses: 7"),
    ]
    builder.root["extensions"]["EXT_lights_image_based"]["lights"] = lights
    assert texts(checked(builder), "unreferenced")


def test_an_unknown_extension_is_named() -> None:
    """It limits what may be done to the file."""
    builder = one_mesh()
    builder.declare("VENDOR_secret")
    assert texts(checked(builder), "unknown-extension")[0][0] == "VENDOR_secret"


def test_compressed_values_are_not_looked_at() -> None:
    """A primitive under Draco has no numbers to judge, but counts that it declares."""
    builder = Builder()
    position = builder.add(
        "accessors", {"componentType": 5126, "count": 24, "type": "VEC3", "max": [1, 1, 1]}
    )
    indices = builder.add("accessors", {"componentType": 5123, "count": 36, "type": "SCALAR"})
    blob = {"bufferView": builder.view(bytes(64)), "attributes": {"POSITION": 0}}
    builder.mesh(
        {
            "attributes": {"POSITION": position},
            "indices": indices,
            "extensions": {"KHR_draco_mesh_compression": blob},
        }
    )
    builder.declare("KHR_draco_mesh_compression", required=True)
    findings = checked(builder)
    assert findings.findings == ()
    assert findings.primitives[0].compression == "draco"
    assert findings.bytes_by_kind["draco"] == 64
    assert findings.triangles == 12


@pytest.mark.parametrize("part", ["indices", "values"])
@pytest.mark.parametrize("view", [{"buffer": 1}, {"extensions": {"EXT_meshopt_compression": {}}}])
def test_values_that_are_replaced_from_elsewhere_are_not_looked_at(part: str, view: Any) -> None:
    """Sparse values lie in two places of their own, and each may be out of reach."""
    builder = one_mesh()
    here = builder.view(bytes(64))
    there = builder.add("bufferViews", {"buffer": 0, "byteLength": 64} | view)
    sparse = {
        "indices": {"bufferView": here, "componentType": 5123},
        "values": {"bufferView": here},
    }
    sparse[part]["bufferView"] = there
    builder.root["accessors"][0]["sparse"] = {"count": 1} | sparse
    builder.root["buffers"] = [
        {"byteLength": len(builder.binary)},
        {"byteLength": 64, "uri": "other.bin"},
    ]
    assert checked(builder).triangles == 1058


def test_findings_are_plain_values() -> None:
    """For JSON, without anything of ours in it."""
    told = checked(shown_as("normalTexture", encoded(gradient()))).to_dict()
    assert told["triangles"] == 18
    assert told["textures"][0]["size"] == (64, 64)
    assert told["primitives"][0]["attributes"]["POSITION"] == "f32 x 3"


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    """With the place, as everywhere."""
    with pytest.raises(GlbError, match="header: "):
        check(b"glTF")
