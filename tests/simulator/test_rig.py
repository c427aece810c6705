import json

import numpy as np
import pytest

from worker.simulator.models import make_model
from worker.simulator.rig import JOINTS, Glb, rigged

PLAIN = make_model("knight", 500, textured=True, pbr=False).file("glb")


def floats(glb: Glb, accessor: int, width: int) -> np.ndarray:
    found = glb.document["accessors"][accessor]
    begin = glb.document["bufferViews"][found["bufferView"]]["byteOffset"]
    raw = np.frombuffer(bytes(glb.binary), "<f4", offset=begin, count=found["count"] * width)
    return raw.reshape(-1, width)


@pytest.mark.parametrize("animated", [False, True])
def test_a_rig_is_a_skin_over_the_same_mesh(animated: bool) -> None:  # noqa: FBT001 - a table
    """Every vertex hangs on joints with weights that add up to 1; the geometry is untouched."""
    glb, before = Glb(rigged(PLAIN, animated=animated)), Glb(PLAIN)
    primitive = glb.document["meshes"][0]["primitives"][0]
    assert len(glb.document["skins"][0]["joints"]) == len(JOINTS)
    weights = floats(glb, primitive["attributes"]["WEIGHTS_0"], 4)
    assert np.allclose(weights.sum(axis=1), 1)
    assert primitive["indices"] == before.document["meshes"][0]["primitives"][0]["indices"]
    assert bytes(glb.binary).startswith(bytes(before.binary))
    assert ("animations" in glb.document) is animated


def test_a_rigged_file_is_a_glb() -> None:
    """Its header tells its length, and its JSON can be read."""
    data = rigged(PLAIN, animated=True)
    assert data[:4] == b"glTF"
    assert int.from_bytes(data[8:12], "little") == len(data)
    assert json.dumps(Glb(data).document)
