"""Draco data that others made, where compression is taken out."""

import struct
from io import BytesIO

import numpy as np
import pytest

from tests.glb.build import Builder, bumpy, one_mesh
from worker.glb import GlbError, Options, Preset, optimize
from worker.glb.accessors import read_accessor
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.geometry import foreign
from worker.glb.geometry.draco_header import declared_faces
from worker.glb.geometry.foreign import ForeignError, Mesh, answers, decode

PLAIN = Options(preset=Preset.PLAIN)
DRACO = "KHR_draco_mesh_compression"


def stream(triangles: int = 40) -> bytes:
    document = Document.read(optimize(one_mesh(bumpy(triangles)).data()).data)
    primitive: Json = document.root["meshes"][0]["primitives"][0]
    return bytes(document.view(primitive["extensions"][DRACO]["bufferView"]))


def test_each_stream_has_its_answer() -> None:
    """A mesh, or the reason why there is none, in the order in which they were asked."""
    sound = stream()
    first, second, third = decode([sound, b"no Draco", sound])
    assert isinstance(first, Mesh)
    assert isinstance(second, ForeignError)
    assert isinstance(third, Mesh)
    assert len(first.faces) == declared_faces(sound)


@pytest.mark.parametrize(("highest", "kind"), [(2, Mesh), (3, ForeignError)])
def test_damaged_data_may_name_vertices_that_it_has_not(highest: int, kind: type) -> None:
    """Draco decodes it without a word."""
    told = BytesIO()
    told.write(b'{"ids": [5]}\n')
    np.save(told, np.array([[0, 1, highest]], np.uint32))
    np.save(told, np.zeros((3, 3), np.float32))
    told.seek(0)
    (mesh,) = answers(told, 1)
    assert type(mesh) is kind


def test_a_stream_that_claims_too_much_is_not_decoded() -> None:
    """A few bytes must not ask for gigabytes."""
    sound = stream()
    vertices_and_faces = sound.index(struct.pack("<H", 0), 8) + 3
    claims = sound[:vertices_and_faces] + b"\xff\xff\xff\xff\x0f" * 2 + sound[16:]
    assert declared_faces(claims) == 2**32 - 1
    with pytest.raises(ForeignError, match="claims 4,294,967,295 triangles"):
        decode([claims])


@pytest.mark.parametrize(
    ("data", "faces"),
    [
        (b"", None),
        (b"DRACO\x02\x02\x01\x01\x00\x80\x02\x05\x06", None),
        (b"DRACO\x02\x02\x01\x01\x00\x00\x02\x05\x86\x01", 134),
        (b"DRACO\x02\x02\x01\x00\x00\x00\x07\x05", 7),
        (b"DRACO\x01\x05\x01\x01\x00\x00\x02\x05\x06", None),
    ],
)
def test_triangles_are_counted_before_decoding(data: bytes, faces: int | None) -> None:
    """Where the header says how many there are."""
    assert declared_faces(data) == faces


def test_what_was_decoded_is_counted_over_all_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those within the limit are answered, the others refused, and nothing piles up."""
    sound = stream()
    (mesh,) = decode([sound])
    assert isinstance(mesh, Mesh)
    size = mesh.faces.nbytes + sum(values.nbytes for values in mesh.attributes.values())
    monkeypatch.setattr(foreign, "MAX_BYTES", 2 * size)
    *within, beyond = decode([sound] * 3)
    assert all(isinstance(one, Mesh) for one in within)
    assert isinstance(beyond, ForeignError)
    assert "too many bytes" in str(beyond)


def test_decoding_that_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Native code can't be interrupted, but a process can."""
    monkeypatch.setattr(foreign, "SECONDS_AT_LEAST", 0)
    with pytest.raises(GlbError, match="is not decoded"):
        optimize(optimize(one_mesh(bumpy(40)).data()).data, PLAIN)


def test_two_primitives_that_share_a_stream_share_what_is_decoded() -> None:
    """As they did before."""
    builder = one_mesh(bumpy(40))
    builder.root["meshes"].append(builder.root["meshes"][0])
    builder.root["nodes"].append({"mesh": 1})
    plain = Document.read(optimize(optimize(builder.data()).data, PLAIN).data)
    one, other = (mesh["primitives"][0]["attributes"] for mesh in plain.root["meshes"])
    assert one == other


def with_a_fallback() -> Builder:
    """A primitive as Draco data and, for those who can't read that, in bytes of its own."""
    surface = bumpy(40)
    builder = one_mesh(surface)
    packed = Document.read(optimize(builder.data()).data)
    payload = packed.root["meshes"][0]["primitives"][0]["extensions"][DRACO]
    view = builder.view(bytes(packed.view(payload["bufferView"])))
    primitive: Json = builder.root["meshes"][0]["primitives"][0]
    primitive["extensions"] = {DRACO: payload | {"bufferView": view}}
    builder.declare(DRACO)
    return builder


def test_who_shares_the_bytes_beside_draco_data_keeps_them() -> None:
    """Draco has the vertices in another order, which lines over the same vertices don't know."""
    builder = with_a_fallback()
    (primitive,) = builder.root["meshes"][0]["primitives"]
    order = np.array([[0, 1], [1, 2], [900, 5]], np.uint32)
    positions = primitive["attributes"]["POSITION"]
    lines = {"attributes": {"POSITION": positions}, "indices": builder.indices(order), "mode": 1}
    builder.root["meshes"][0]["primitives"].append(lines)
    document = Document.read(optimize(builder.data(), PLAIN).data)
    lines = document.item("meshes", 0)["primitives"][1]
    kept = read_accessor(document, lines["attributes"]["POSITION"])
    assert (read_accessor(document, lines["indices"]).reshape(-1, 2) == order).all()
    assert (kept[order] == bumpy(40).positions[order]).all()


def test_a_fallback_that_nobody_shares_is_dropped() -> None:
    """Its accessors now mean what was decoded."""
    document = Document.read(optimize(with_a_fallback().data(), PLAIN).data)
    assert len(document.items("accessors")) == len(document.items("bufferViews")) == 4


def test_indices_that_are_an_attribute_too_stay_indices() -> None:
    """Taken apart, each is what it should be."""
    builder = one_mesh(bumpy(4))
    (primitive,) = builder.root["meshes"][0]["primitives"]
    primitive["attributes"]["TEXCOORD_1"] = primitive["indices"]
    builder.declare("KHR_mesh_quantization")
    document = Document.read(optimize(builder.data(), PLAIN).data)
    (primitive,) = document.item("meshes", 0)["primitives"]
    indices, floats = (
        document.item("accessors", index)
        for index in (primitive["indices"], primitive["attributes"]["TEXCOORD_1"])
    )
    assert (indices["componentType"], floats["componentType"]) == (5125, 5126)
