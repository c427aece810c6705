"""Other people's readers, in Python. Those in JavaScript are in conformance/."""

from typing import Any

import pytest
from pygltflib import GLTF2  # type: ignore[import-untyped]

from tests.glb.build import bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, shown_as
from worker.glb import Options, Preset, optimize


def load(data: bytes) -> Any:
    return GLTF2().load_from_bytes(data)


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize(
    "source", [one_mesh(bumpy(40)), shown_as("normalTexture", encoded(gradient(64)))]
)
def test_pygltflib_reads_what_was_written(source: Any, preset: Preset) -> None:
    """With as many of everything, and a binary part as long as its only buffer says."""
    before, after = load(source.data()), load(optimize(source.data(), Options(preset=preset)).data)
    for kind in ("meshes", "nodes", "materials", "textures", "images", "scenes"):
        assert len(getattr(after, kind)) == len(getattr(before, kind))
    assert len(after.binary_blob()) == after.buffers[0].byteLength
