from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.glb.build import Builder, one_mesh, with_longer_json
from worker.glb import GlbError, Options, Preset, check, optimize
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.extensions import extension_uses

Change = Callable[[Builder], Any]


def setter(*path: Any) -> Change:
    *way, last, value = path

    def change(builder: Builder) -> None:
        item: Any = builder.root
        for step in way:
            item = item[step]
        item[last] = value

    return change


def lose(builder: Builder) -> None:
    del builder.binary[-400:]


def cycle(builder: Builder) -> None:
    builder.root["nodes"] = [{"children": [1]}, {"children": [2]}, {"children": [1]}]


def wild_index(builder: Builder) -> None:
    place = builder.root["bufferViews"][3]["byteOffset"]
    builder.binary[place : place + 4] = (9999).to_bytes(4, "little")


def many_accessors_over_the_same_bytes(builder: Builder) -> None:
    builder.root["bufferViews"].append({"buffer": 0, "byteLength": len(builder.binary)})
    for offset in range(20_000):
        builder.add(
            "accessors",
            {
                "bufferView": 4,
                "byteOffset": offset % 100,
                "componentType": 5121,
                "type": "SCALAR",
                "count": 20_000 - offset // 100,
            },
        )


DRACO = "KHR_draco_mesh_compression"
PRIMITIVE = ("meshes", 0, "primitives", 0)
BROKEN: list[tuple[str, Change]] = [
    ("bufferView 0: ends at byte", setter("bufferViews", 0, "byteLength", 1 << 40)),
    ("bufferView 1: byteOffset is -4", setter("bufferViews", 1, "byteOffset", -4)),
    ("bufferView 0: byteStride is 255", setter("bufferViews", 0, "byteStride", 255)),
    ("bufferView 0: buffer is 7, but there are 1", setter("bufferViews", 0, "buffer", 7)),
    ("accessor 0: needs .* bytes of bufferView 0", setter("accessors", 0, "count", 10**9)),
    ("accessor 2: count is 1.5", setter("accessors", 2, "count", 1.5)),
    ("accessor 1: componentType is 5124", setter("accessors", 1, "componentType", 5124)),
    ("accessor 1: type is 'VEC5'", setter("accessors", 1, "type", "VEC5")),
    ("accessor 1: type is \\['VEC3'\\]", setter("accessors", 1, "type", ["VEC3"])),
    ("accessor 3: bufferView is None", setter("accessors", 3, "bufferView", None)),
    ("accessor 0: sparse needs", setter("accessors", 0, "sparse", {})),
    ("mesh 0: primitives.attributes is 99", setter(*PRIMITIVE, "attributes", "POSITION", 99)),
    ("mesh 0: primitives.indices is -1", setter(*PRIMITIVE, "indices", -1)),
    ("mesh 0 primitive 0: mode is 9", setter(*PRIMITIVE, "mode", 9)),
    ("mesh 0: has no primitives", setter("meshes", 0, {})),
    ("mesh 0: .* must be an array", setter("meshes", 0, "primitives", None)),
    ("mesh 0: .* must be an object", setter("meshes", 0, "primitives", [3])),
    ("meshes: must be an array", setter("meshes", {"0": {}})),
    ("node 0: mesh is 4", setter("nodes", 0, "mesh", 4)),
    ("node 1: is its own descendant|node 2: is its own descendant", cycle),
    ("scene 0: nodes is 12", setter("scenes", 0, "nodes", [12])),
    ("mesh 0 primitive 0: indices: accessor 3 names vertex 9999", wild_index),
    ("buffer 0: says", lose),
    ("buffer 0: byteLength", setter("buffers", [{}])),
    ("asset: only version 2", setter("asset", {"version": "1.0"})),
    ("extensionsUsed: must be", setter("extensionsUsed", [1])),
    ("extensions: must be an object", setter("nodes", 0, "extensions", ["KHR_lights_punctual"])),
    ("KHR_draco_mesh_compression: .* must", setter(*PRIMITIVE, "extensions", {DRACO: None})),
    ("accessors: describe", many_accessors_over_the_same_bytes),
]


@pytest.mark.parametrize(("problem", "change"), BROKEN, ids=[problem for problem, _ in BROKEN])
def test_a_broken_place_is_named(problem: str, change: Change) -> None:
    """Whatever can't be read safely is refused, and the text says where it stands."""
    builder = one_mesh()
    size = len(builder.binary)
    builder.root["buffers"] = [{"byteLength": size}]
    change(builder)
    with pytest.raises(GlbError, match=problem):
        optimize(builder.data())


LOOSE: dict[str, Change] = {
    "a stride of nothing": setter("bufferViews", 0, "byteStride", 0),
    "a mesh of nothing": lambda builder: builder.add("meshes", {"primitives": []}),
    "extensions of a node": setter("nodes", 0, "extensions", None),
    "extensions of a primitive": setter(*PRIMITIVE, "extensions", None),
    "extensions of a view": setter("bufferViews", 0, "extensions", None),
}


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("change", LOOSE.values(), ids=LOOSE.keys())
def test_what_every_loader_opens_is_not_refused(change: Change, preset: Preset) -> None:
    """Nothing where there should be something is read as nothing."""
    builder, sound = one_mesh(), optimize(one_mesh().data(), Options(preset=preset))
    change(builder)
    report = optimize(builder.data(), Options(preset=preset)).report
    assert report.primitives == sound.report.primitives
    assert check(builder.data()).triangles == 1058


def sparse_nothing(builder: Builder) -> Json:
    place = {"bufferView": builder.view(bytes(16))}
    parts = {"indices": place | {"componentType": 5121}, "values": place}
    return place | {"componentType": 5126, "sparse": {"count": 0} | parts}


def whole_nothing(builder: Builder) -> Json:
    builder.declare("KHR_mesh_quantization", required=True)
    return {"componentType": 5122, "min": [0, 0, 0], "max": [0, 0, 0]}


@pytest.mark.parametrize("preset", list(Preset))
@pytest.mark.parametrize("nothing", [sparse_nothing, whole_nothing])
def test_a_primitive_without_vertices_is_not_refused(
    nothing: Callable[[Builder], Json], preset: Preset
) -> None:
    """However it is put down that there are none; and what is written for it is sound."""
    builder = one_mesh()
    positions = builder.add("accessors", nothing(builder) | {"type": "VEC3", "count": 0})
    builder.mesh({"attributes": {"POSITION": positions}})
    written = optimize(builder.data(), Options(preset=preset)).data
    assert check(written).triangles == check(builder.data()).triangles == 1058
    assert all(view["byteLength"] for view in Document.read(written).items("bufferViews"))


@pytest.mark.parametrize("payload", [True, None, [1, {"bufferView": 0}], "yes", 7])
def test_an_unknown_extension_may_hold_anything(payload: object) -> None:
    """It freezes the file's numbers, as one does that is an object."""
    builder = one_mesh()
    builder.view(bytes(40))
    builder.root["extensions"] = {"ACME_x": payload}
    result = optimize(builder.data())
    assert any("unknown, may name any index" in note for note in result.report.notes)
    assert check(result.data).findings[-1].place == "ACME_x"


def test_an_unknown_extension_may_be_too_deep_to_write() -> None:
    """As with depth anywhere else, the file stays as it is."""
    builder = one_mesh()
    builder.root["extensions"] = {"ACME_x": "HERE"}
    file = with_longer_json(builder.data(), b'"HERE"', b"[" * 403 + b"]" * 403)
    result = optimize(file)
    assert result.data == file
    assert "can't be written again" in result.report.notes[0]


def test_an_extension_that_names_bytes_in_an_array_leaves_the_file_alone() -> None:
    """What it means would move."""
    builder = one_mesh()
    builder.root["extensions"] = {"ACME_x": [{"byteOffset": 8}]}
    assert "names bytes by their place" in optimize(builder.data()).report.notes[0]


@pytest.mark.parametrize("key", ["properties", "classes", "enums"])
def test_metadata_may_be_called_extensions(key: str) -> None:
    """Its author chooses the names; real extensions around and below them are still found."""
    named = {"extensions": {"type": "STRING", "extensions": {"ACME_y": {}}}, "extras": {}}
    builder = one_mesh()
    builder.root["extensions"] = {
        "EXT_structural_metadata": {
            "schema": {"id": "x", key: named, "extensions": {"ACME_z": {}}},
        }
    }
    builder.declare("EXT_structural_metadata")
    document = Document.read(builder.data())
    assert {use.name for use in extension_uses(document)} == {
        "EXT_structural_metadata",
        "ACME_y",
        "ACME_z",
    }


def test_absurd_counts_without_bytes_are_refused() -> None:
    """An accessor of zeros costs a file nothing and must not cost us gigabytes."""
    builder = one_mesh()
    zeros = {"componentType": 5126, "type": "VEC3", "count": 1 << 40}
    builder.root["meshes"][0]["primitives"][0]["attributes"]["_ZEROS"] = builder.add(
        "accessors", zeros
    )
    with pytest.raises(GlbError, match="accessors: describe 131941395"):
        optimize(builder.data())


def test_sparse_data_out_of_bounds_is_refused() -> None:
    """A sparse accessor can't write outside of what it describes."""
    builder = one_mesh()
    at = builder.view(np.array([5000], "<u4").tobytes())
    to = builder.view(np.zeros(3, "<f4").tobytes())
    builder.root["accessors"][0]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": at, "componentType": 5125},
        "values": {"bufferView": to},
    }
    with pytest.raises(GlbError, match="accessor 0: sparse names element 5000 of 576"):
        optimize(builder.data())


def test_a_thousand_nodes_in_a_row_are_no_problem() -> None:
    """Depth alone is neither an error nor a crash."""
    builder = one_mesh()
    builder.root["nodes"] = [{"mesh": 0}] + [{"children": [number]} for number in range(5000)]
    builder.root["scenes"] = [{"nodes": [5000]}]
    assert optimize(builder.data()).report.ratio < 1
