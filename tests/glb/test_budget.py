"""What little JSON may ask for in all."""

from typing import Any

import pytest

from tests.glb.build import Builder, Surface, bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, shown_as
from worker.glb import GlbError, Options, Preset, check, optimize
from worker.glb.document import Document
from worker.glb.textures import plan_textures

ZEROS = {"componentType": 5126, "type": "VEC3", "count": 2_000_000}
DRACO = "KHR_draco_mesh_compression"


def with_zeros(primitives: int) -> Builder:
    """Each primitive has another geometry, and reads the same accessor of 24 MB of nothing."""
    builder = one_mesh()
    (primitive,) = builder.root["meshes"][0]["primitives"]
    zeros = builder.add("accessors", dict(ZEROS))
    builder.root["meshes"][0]["primitives"] = [
        primitive | {"attributes": primitive["attributes"] | {f"_{number}": zeros}}
        for number in range(primitives)
    ]
    return builder


def test_what_has_no_bytes_counts_each_time_that_it_is_read() -> None:
    """Eleven are fine, twelve are over the limit of 268 MB."""
    optimize(with_zeros(11).data(), Options(preset=Preset.SAFE))
    with pytest.raises(GlbError, match="accessors: describe 288"):
        optimize(with_zeros(12).data())


def test_what_draco_fills_counts_nothing() -> None:
    """Any number of vertices: nobody here makes room for them, neither to look nor to optimise."""
    packed = Document.read(optimize(one_mesh(bumpy(40)).data()).data)
    builder = Builder(packed.root, bytearray(packed.binary))
    for accessor in builder.root["accessors"]:
        accessor["count"] = 3 << 40
    data = builder.data()
    assert optimize(data).data == data
    assert check(data).vertices == 3 << 40


def test_targets_in_whole_numbers_count_as_the_floats_that_they_become() -> None:
    """`plain` would write 1.2 GB of zeros."""
    builder = one_mesh()
    (primitive,) = builder.root["meshes"][0]["primitives"]
    small: dict[str, Any] = {"componentType": 5120, "type": "VEC3", "count": 100_000_000}
    primitive["targets"] = [{"POSITION": builder.add("accessors", small)}]
    with pytest.raises(GlbError, match="accessors: describe 12000"):
        optimize(builder.data(), Options(preset=Preset.PLAIN))


def test_pixels_are_counted_over_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pictures beyond the limit stay as they are, and the report says why."""
    monkeypatch.setattr("worker.glb.textures.MAX_PIXELS_OF_FILE", 2 * 64 * 64)
    pictures = [encoded(gradient(64, noise=grain)) for grain in (6, 7, 8)]
    document = Document.read(shown_as("normalTexture", *pictures).data())
    jobs = plan_textures(document, Options(preset=Preset.WEB))
    assert [bool(job.aim.ways) for job in jobs] == [True, True, False]
    assert "more pixels" in jobs[2].run().report.note


def with_draco_data(surface: Surface) -> Builder:
    packed = Document.read(optimize(one_mesh(surface).data()).data)
    return Builder(packed.root, bytearray(packed.binary))


def test_what_lies_beside_draco_data_counts() -> None:
    """An attribute that the data doesn't hold is read, and `plain` would make 4.8 GB of it."""
    builder = with_draco_data(bumpy(24))
    (primitive,) = builder.root["meshes"][0]["primitives"]
    small: dict[str, Any] = {"componentType": 5120, "type": "VEC3", "count": 400_000_000}
    primitive["attributes"]["TANGENT"] = builder.add("accessors", small)
    builder.declare("KHR_mesh_quantization", required=True)
    with pytest.raises(GlbError, match="accessors: describe 120000"):
        optimize(builder.data(), Options(preset=Preset.PLAIN))
