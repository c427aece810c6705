"""Draco data that others made, where compression is taken out."""

import struct

import pytest

from tests.glb.build import bumpy, one_mesh
from worker.glb import GlbError, Options, Preset, optimize
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.geometry import foreign
from worker.glb.geometry.draco_header import declared_faces
from worker.glb.geometry.foreign import ForeignError, Mesh, decode

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
