"""What `plain` takes out, what it tells of it, and when a file may grow for it."""

import numpy as np

from tests.glb.build import Builder, bumpy, one_mesh, with_longer_json
from worker.glb import Options, Preset, optimize

PLAIN = Options(preset=Preset.PLAIN)
MESHOPT, QUANTIZATION = "EXT_meshopt_compression", "KHR_mesh_quantization"


def quantized() -> Builder:
    surface = bumpy()
    whole = np.rint(surface.positions * 200).astype(np.int16)
    builder = Builder()
    builder.mesh(builder.primitive({"POSITION": whole}, surface.faces))
    builder.declare(QUANTIZATION, required=True)
    return builder


def with_numbers_that_are_written_longer(builder: Builder) -> bytes:
    builder.root["extras"] = "HERE"
    return with_longer_json(builder.data(), b'"HERE"', b"[" + b"1e15," * 400 + b"0]")


def test_a_file_grows_only_where_something_is_taken_out() -> None:
    """Under meshopt numbers stay what they are, and so does the file."""
    grown = optimize(with_numbers_that_are_written_longer(quantized()), PLAIN).report
    assert grown.bytes_after > grown.bytes_before
    builder = quantized()
    packed = {"buffer": 0, "byteLength": 4, "byteStride": 4, "count": 1, "mode": "ATTRIBUTES"}
    builder.view(bytes(4), extensions={MESHOPT: packed})
    builder.declare(MESHOPT, required=True)
    file = with_numbers_that_are_written_longer(builder)
    result = optimize(file, PLAIN)
    assert result.data == file
    assert "would not become smaller" in result.report.notes[-1]


def test_what_was_taken_out_is_told() -> None:
    """Draco data and whole numbers become floats, and were not left alone."""
    packed = optimize(one_mesh().data()).data
    for file in (packed, quantized().data()):
        (primitive,) = optimize(file, PLAIN).report.primitives
        assert (primitive.encoding, primitive.note) == ("raw", "")
        assert 0 < primitive.bytes_before < primitive.bytes_after
    (untouched,) = optimize(one_mesh().data(), PLAIN).report.primitives
    assert (untouched.encoding, untouched.note) == ("unchanged", "as was asked for")
