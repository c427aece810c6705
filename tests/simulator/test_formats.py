"""Each file is read back by code that knows the format and not the writer."""

import re
import struct
from io import BytesIO
from xml.etree import ElementTree as ET
from zipfile import ZIP_STORED, ZipFile

import numpy as np
import pytest
from PIL import Image
from pygltflib import GLTF2  # type: ignore[import-untyped]

from tests.simulator.fbx_reader import Element, Reader
from tests.simulator.surfaces import is_closed, volume
from worker.simulator.models import Model, make_model
from worker.simulator.models.arrays import Floats

KINDS = {"bare": (False, False), "coloured": (True, False), "pbr": (True, True)}
MODELS = {
    kind: make_model("a mushroom", 2_000, textured=textured, pbr=pbr, texture_size=64)
    for kind, (textured, pbr) in KINDS.items()
}


@pytest.fixture(params=KINDS)
def model(request: pytest.FixtureRequest) -> Model:
    return MODELS[str(request.param)]


def same_points(found: Floats, model: Model, within: float = 1e-5) -> bool:
    return bool(np.allclose(found, model.mesh.points, atol=within))


class Glb:
    def __init__(self, data: bytes) -> None:
        self.tree = GLTF2.load_from_bytes(data)
        self.binary: bytes = self.tree.binary_blob()

    def view(self, index: int) -> bytes:
        view = self.tree.bufferViews[index]
        return self.binary[view.byteOffset : view.byteOffset + view.byteLength]

    def values(self, accessor: int) -> Floats:
        found = self.tree.accessors[accessor]
        kind = {5126: "<f4", 5125: "<u4"}[found.componentType]
        width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[found.type]
        return np.frombuffer(self.view(found.bufferView), kind).reshape(found.count, width)

    def picture(self, texture: int) -> Image.Image:
        image = self.tree.images[self.tree.textures[texture].source]
        picture = Image.open(BytesIO(self.view(image.bufferView)))
        assert picture.get_format_mimetype() == image.mimeType
        return picture


def test_a_glb_holds_the_mesh(model: Model) -> None:
    """One mesh of one primitive, uncompressed: the same triangles, in 32 bits."""
    glb = Glb(model.file("glb"))
    (mesh,), (node,) = glb.tree.meshes, glb.tree.nodes
    (primitive,) = mesh.primitives
    points = glb.values(primitive.attributes.POSITION)
    corners = glb.values(primitive.indices).reshape(-1, 3)
    assert node.mesh == 0
    assert not glb.tree.extensionsUsed
    assert np.array_equal(points[corners], model.mesh.points[model.mesh.faces])
    assert np.linalg.norm(glb.values(primitive.attributes.NORMAL), axis=1) == pytest.approx(1)


def test_a_glb_says_how_far_it_reaches(model: Model) -> None:
    """The bounds of the positions are there, which viewers place the camera by."""
    glb = Glb(model.file("glb"))
    accessor = glb.tree.accessors[glb.tree.meshes[0].primitives[0].attributes.POSITION]
    assert accessor.min == model.mesh.points.min(axis=0).tolist()
    assert accessor.max == model.mesh.points.max(axis=0).tolist()


def test_a_glb_is_framed_to_the_byte(model: Model) -> None:
    """The header's lengths add up, and every chunk and buffer view begins at a multiple of 4."""
    data = model.file("glb")
    magic, version, length, tree, kind = struct.unpack("<4sIII4s", data[:20])
    binary, binary_kind = struct.unpack("<I4s", data[20 + tree : 28 + tree])
    assert (magic, version, kind, binary_kind) == (b"glTF", 2, b"JSON", b"BIN\0")
    assert length == len(data) == 28 + tree + binary
    assert all(view.byteOffset % 4 == 0 for view in Glb(data).tree.bufferViews)


def test_a_glb_carries_its_pictures() -> None:
    """Colour as JPEG; with PBR occlusion, roughness and metal in one PNG, and the normals."""
    assert not Glb(MODELS["bare"].file("glb")).tree.images
    assert len(Glb(MODELS["coloured"].file("glb")).tree.images) == 1
    glb = Glb(MODELS["pbr"].file("glb"))
    (material,) = glb.tree.materials
    surface = material.pbrMetallicRoughness
    packed = glb.picture(surface.metallicRoughnessTexture.index)
    roughness = Image.open(BytesIO(MODELS["pbr"].textures["roughness"]))
    assert len(glb.tree.images) == 3
    assert glb.picture(surface.baseColorTexture.index).format == "JPEG"
    assert glb.picture(material.normalTexture.index).size == (64, 64)
    assert packed.getchannel("G").tobytes() == roughness.tobytes()
    assert material.occlusionTexture.index == surface.metallicRoughnessTexture.index


def obj_lines(model: Model, kind: str) -> list[list[str]]:
    lines = [line.split() for line in model.file("obj").decode().splitlines()]
    return [words for name, *words in lines if name == kind]


def test_an_obj_lists_the_mesh(model: Model) -> None:
    """As many vertices and faces as there are, and each face names vertices that exist."""
    faces = [[int(corner.split("/")[0]) for corner in face] for face in obj_lines(model, "f")]
    assert same_points(np.array(obj_lines(model, "v"), np.float64), model)
    assert np.array_equal(np.array(faces) - 1, model.mesh.faces)
    assert len(obj_lines(model, "vn")) == len(model.mesh.points)


def test_an_obj_counts_its_texture_from_below() -> None:
    """Its rows run upwards, unlike glTF's; a bare one has none."""
    model = MODELS["coloured"]
    coordinates = np.array(obj_lines(model, "vt"), np.float64)
    assert coordinates[:, 0] == pytest.approx(model.mesh.coordinates[:, 0], abs=1e-5)
    assert coordinates[:, 1] == pytest.approx(1 - model.mesh.coordinates[:, 1], abs=1e-5)
    assert not obj_lines(MODELS["bare"], "vt")


def test_the_material_of_an_obj_names_its_pictures() -> None:
    """The library and the material that the OBJ asks for, with a line for each map."""
    model = MODELS["pbr"]
    lines = model.file("mtl").decode().splitlines()
    assert obj_lines(model, "usemtl") == [["material"]]
    assert lines[0] == "newmtl material"
    assert {line.split()[1] for line in lines if re.match("map_|norm", line)} == {
        "base_color.jpg",
        "metallic.png",
        "roughness.png",
        "normal.png",
    }
    assert "map_Kd" not in MODELS["bare"].file("mtl").decode()


def test_an_stl_has_fifty_bytes_a_triangle(model: Model) -> None:
    """A head of 80 bytes that does not claim to be text, the count, and the triangles."""
    data = model.file("stl")
    assert not data.startswith(b"solid")
    assert int.from_bytes(data[80:84], "little") == model.triangles
    assert len(data) == 84 + 50 * model.triangles


def test_an_stl_faces_outwards(model: Model) -> None:
    """Each facet's normal is that of its corners in their order."""
    facets = np.frombuffer(model.file("stl")[84:], np.uint8).reshape(-1, 50)
    numbers = facets[:, :48].copy().view("<f4").reshape(-1, 4, 3).astype(np.float64)
    normal, first, second, third = (numbers[:, row] for row in range(4))
    upright = np.cross(second - first, third - first)
    upright /= np.linalg.norm(upright, axis=1, keepdims=True)
    assert np.abs(normal - upright).max() < 1e-3
    assert not facets[:, 48:].any()


def fbx_geometry(model: Model) -> Element:
    return Reader(model.file("fbx")).root["Objects"]["Geometry"]


def test_an_fbx_is_a_tree_that_ends_where_it_says() -> None:
    """Version 7.4, every node closed in its place, and the footer on a multiple of 16 bytes."""
    data = MODELS["pbr"].file("fbx")
    reader = Reader(data)
    footer = reader.rest
    padding = len(footer) - (16 + 4 + 4 + 120 + 16)
    assert reader.version == reader.root["FBXHeaderExtension"]["FBXVersion"].values[0] == 7400
    assert 1 <= padding <= 16
    assert (len(data) - len(footer) + 20 + padding) % 16 == 0
    assert footer[20 + padding :][:4] == (7400).to_bytes(4, "little")


def test_an_fbx_holds_the_mesh(model: Model) -> None:
    """The same points; polygons of three, the last corner of each complemented."""
    geometry = fbx_geometry(model)
    polygons = geometry["PolygonVertexIndex"].values[0].reshape(-1, 3).copy()
    assert (polygons[:, 2] < 0).all()
    polygons[:, 2] = ~polygons[:, 2]
    assert same_points(geometry["Vertices"].values[0].reshape(-1, 3), model)
    assert np.array_equal(polygons, model.mesh.faces)
    assert len(geometry["LayerElementNormal"]["Normals"].values[0]) == 3 * len(model.mesh.points)


def test_an_fbx_maps_its_texture_corner_by_corner() -> None:
    """Indices into the coordinates, one for each corner of each polygon."""
    model = MODELS["coloured"]
    layer = fbx_geometry(model)["LayerElementUV"]
    assert np.array_equal(layer["UVIndex"].values[0], model.mesh.triangles.ravel())
    assert len(layer["UV"].values[0]) == 2 * len(model.mesh.coordinates)
    assert not fbx_geometry(MODELS["bare"]).all("LayerElementUV")


def test_an_fbx_connects_what_it_holds() -> None:
    """No connection leads nowhere, and every object hangs on something."""
    root = Reader(MODELS["pbr"].file("fbx")).root
    ids = {element.values[0] for element in root["Objects"].children}
    links = [connection.values for connection in root["Connections"].all("C")]
    assert {child for _, child, *_ in links} == ids
    assert {parent for _, _, parent, *_ in links} <= ids | {0}


def test_an_fbx_carries_its_pictures() -> None:
    """The same files as the separate maps, inside."""
    model = MODELS["pbr"]
    videos = Reader(model.file("fbx")).root["Objects"].all("Video")
    inside = [video["Content"].values[0] for video in videos]
    assert inside == list(model.textures.values())


def test_a_usdz_is_stored_on_boundaries(model: Model) -> None:
    """Nothing is compressed, each file begins at a multiple of 64 bytes, the layer comes first."""
    data = model.file("usdz")
    archive = ZipFile(BytesIO(data))
    assert archive.testzip() is None
    assert archive.infolist()[0].filename.endswith(".usda")
    for entry in archive.infolist():
        name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
        assert (entry.header_offset + 30 + name + extra) % 64 == 0
        assert entry.compress_type == ZIP_STORED


def usd_numbers(layer: str, name: str) -> Floats:
    found = re.search(rf"{re.escape(name)} = \[(.*?)\]", layer)
    assert found is not None
    return np.array(re.findall(r"-?[\d.]+", found[1]), np.float64)


def test_a_usd_layer_holds_the_mesh(model: Model) -> None:
    """Triangles only, the same points, balanced brackets, and Y up in metres."""
    layer = ZipFile(BytesIO(model.file("usdz"))).read("model.usda").decode()
    assert layer.startswith("#usda 1.0\n")
    assert all(layer.count(left) == layer.count(right) for left, right in ("{}", "()", "[]"))
    assert 'upAxis = "Y"' in layer
    assert set(usd_numbers(layer, "faceVertexCounts")) == {3}
    faces = usd_numbers(layer, "faceVertexIndices").reshape(-1, 3)
    assert np.array_equal(faces, model.mesh.faces)
    assert same_points(usd_numbers(layer, "points").reshape(-1, 3), model)


def test_a_usd_layer_names_the_pictures_beside_it(model: Model) -> None:
    """Every picture in the package is used, and none is missing."""
    archive = ZipFile(BytesIO(model.file("usdz")))
    layer = archive.read("model.usda").decode()
    named = set(re.findall(r"@(.+?)@", layer))
    assert named == set(archive.namelist()) - {"model.usda"}
    assert len(named) == len(model.textures)


CORE = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"


def three_mf(model: Model) -> ET.Element:
    archive = ZipFile(BytesIO(model.file("3mf")))
    return ET.fromstring(archive.read("3D/3dmodel.model"))  # noqa: S314 - we wrote it


def numbers(tree: ET.Element, kind: str, *names: str) -> Floats:
    return np.array([[float(at.attrib[name]) for name in names] for at in tree.iter(CORE + kind)])


def test_a_3mf_package_leads_to_its_model(model: Model) -> None:
    """The three parts that a reader needs to find its way."""
    archive = ZipFile(BytesIO(model.file("3mf")))
    assert archive.namelist() == ["[Content_Types].xml", "_rels/.rels", "3D/3dmodel.model"]
    assert b'Target="/3D/3dmodel.model"' in archive.read("_rels/.rels")


def test_a_3mf_can_be_printed(model: Model) -> None:
    """A closed solid in millimetres that stands on the plate, Z up, and faces outwards."""
    tree = three_mf(model)
    points = numbers(tree, "vertex", "x", "y", "z")
    faces = numbers(tree, "triangle", "v1", "v2", "v3").astype(np.int64)
    assert tree.attrib["unit"] == "millimeter"
    assert is_closed(faces)
    assert volume(points, faces) > 0
    assert points.min(axis=0) == pytest.approx([0, 0, 0], abs=1e-4)
    assert np.ptp(points[:, 2]) == pytest.approx(np.ptp(model.mesh.points[:, 1]) * 50, rel=1e-4)


def test_files_are_the_same_every_time() -> None:
    """No format carries the time of day or anything else that a seed does not decide."""
    again = make_model("a mushroom", 2_000, textured=True, pbr=True, texture_size=64)
    for name in ("glb", "obj", "mtl", "fbx", "stl", "usdz", "3mf"):
        assert again.file(name) == MODELS["pbr"].file(name)
