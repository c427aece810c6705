"""Model files for these tests."""

from functools import cache
from io import BytesIO
from pathlib import Path

from PIL import Image

from tests.glb.build import Builder, bumpy, one_mesh

ROWS_OF_LARGE = 500  # half a million triangles: seconds of work


def small() -> bytes:
    return one_mesh().data()


@cache
def large() -> bytes:
    return one_mesh(bumpy(ROWS_OF_LARGE)).data()


def without_meshes() -> bytes:
    return Builder().data()


def without_triangles() -> bytes:
    surface = bumpy(4)
    builder = Builder()
    builder.mesh(builder.primitive({"POSITION": surface.positions}, mode=0))
    return builder.data()


def with_undecodable_draco() -> bytes:
    """The checks read what the JSON says of it; only undoing the compression must decode it."""
    builder = one_mesh()
    primitive = builder.root["meshes"][0]["primitives"][0]
    payload = {"bufferView": builder.view(b"DRACO?" * 9), "attributes": {"POSITION": 0}}
    primitive["extensions"] = {"KHR_draco_mesh_compression": payload}
    builder.declare("KHR_draco_mesh_compression", required=True)
    return builder.data()


def of_type(name: str) -> bytes:
    builder = one_mesh()
    builder.add("accessors", {"componentType": 5126, "count": 1, "type": name})
    return builder.data()


def named_at_length(name: str, pieces: int) -> bytes:
    """Each piece is named in the report, by its format and by what reads it."""
    builder = one_mesh()
    for number in range(pieces):
        texture = builder.texture(builder.image(b"of no format %d" % number, name))
        builder.material(**{f"{name}Texture": {"index": texture}})
    return builder.data()


def with_pictures(*sides: int) -> bytes:
    """Pictures that are small as files and large when they are decoded."""
    builder = one_mesh()
    for side in sides:
        texture = builder.texture(builder.image(blank(side), "image/png"))
        builder.material(pbrMetallicRoughness={"baseColorTexture": {"index": texture}})
    builder.root["meshes"][0]["primitives"][0]["material"] = 0
    return builder.data()


def picture(kind: str, side: int = 64) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").convert("RGB").resize((side, side)).save(file, kind)
    return file.getvalue()


def of_many_meshes(count: int) -> bytes:
    builder, surface = Builder(), bumpy(2)
    for _ in range(count):
        builder.mesh(builder.primitive(surface.attributes, surface.faces))
    return builder.data()


@cache
def blank(side: int) -> bytes:
    """Quickly made."""
    file = BytesIO()
    Image.new("RGB", (side, side)).save(file, "PNG", compress_level=1)
    return file.getvalue()


@cache
def vast() -> bytes:
    """A picture of a thousand bytes for which its decoder takes half a gigabyte."""
    file = BytesIO()
    Image.new("RGBA", (5000, 5000), (1, 2, 3, 4)).save(file, "WEBP", lossless=True)
    return file.getvalue()


def put(folder: Path, data: bytes, name: str = "source.glb") -> Path:
    file = folder / name
    file.write_bytes(data)
    return file


def names_in(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}
