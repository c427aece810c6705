"""What else a file may hold, and that it is all still there."""

import itertools
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest

from tests.glb.build import Builder, Surface, bumpy, one_mesh
from tests.glb.read import DRACO, Geometry, nearest, read_geometry
from worker.glb import Options, Preset, Report, optimize
from worker.glb.accessors import read_accessor
from worker.glb.container import Json, write_container
from worker.glb.document import Document
from worker.glb.optimize import UnsoundError, confirm, read

COMPRESSED = [preset for preset in Preset if preset not in (Preset.SAFE, Preset.PLAIN)]


def root_of(data: bytes) -> Json:
    return Document.read(data).root


def halves(surface: Surface) -> tuple[Surface, Surface]:
    """One surface cut along a line of its grid; the border's vertices are in both."""
    middle = np.median(surface.positions[:, 0])
    left = (surface.positions[surface.faces][:, :, 0] <= middle).all(axis=1)
    return cut(surface, left), cut(surface, ~left)


def cut(surface: Surface, chosen: Any) -> Surface:
    used, faces = np.unique(surface.faces[chosen], return_inverse=True)
    return Surface(
        surface.positions[used],
        surface.normals[used],
        surface.uvs[used],
        faces.reshape(-1, 3).astype(np.uint32),
    )


@pytest.mark.parametrize("preset", list(Preset))
def test_no_preset_makes_a_file_larger(preset: Preset) -> None:
    """The input comes back where nothing could be gained."""
    builder = Builder()
    triangle = np.eye(3, dtype=np.float32)
    builder.mesh(builder.primitive({"POSITION": triangle}))
    data = builder.data()
    assert optimize(data, Options(preset=preset)).data == data


@pytest.mark.parametrize("preset", list(Preset))
def test_what_was_optimised_is_left_alone(preset: Preset) -> None:
    """A second time nothing is lost, and nothing happens."""
    options = Options(preset=preset)
    once = optimize(one_mesh().data(), options).data
    assert optimize(once, options).data == once


def test_what_was_optimised_is_said_to_be_so() -> None:
    """Its triangles have no bytes of their own any more: that is no want of size."""
    once = optimize(one_mesh().data()).data
    (told,) = optimize(once).report.primitives
    assert told.note.startswith("already compressed with Draco")


def test_a_report_tells_what_happened() -> None:
    """Before and after, of each primitive and in all, as plain values."""
    data = one_mesh().data()
    result = optimize(data)
    report = result.report
    assert isinstance(report, Report)
    assert (report.bytes_before, report.bytes_after) == (len(data), len(result.data))
    told = report.to_dict()["primitives"][0]
    assert told["encoding"] == "draco"
    assert told["triangles_before"] == told["triangles_after"] == 1058


def test_a_preset_may_be_named() -> None:
    """As a plain text it means the same, and one that there isn't is an error at once."""
    name: Any = "plain"
    assert Options(preset=name) == Options(preset=Preset.PLAIN)
    assert Options(preset=name).preset is Preset.PLAIN
    with pytest.raises(ValueError, match="'tiny' is not a valid Preset"):
        Options(preset=cast("Any", "tiny"))


def test_names_extras_and_empty_things_are_kept() -> None:
    """What an application wrote down for itself is not ours to tidy up."""
    builder = one_mesh()
    builder.root["meshes"][0] |= {"name": "hill", "extras": {"list": [], "text": ""}}
    builder.root["accessors"][0] |= {"name": "places", "extras": {"unit": "m"}}
    builder.add("materials", {"name": "unused", "extras": {"bufferView": 99}})
    after = root_of(optimize(builder.data()).data)
    assert after["meshes"][0]["extras"] == {"list": [], "text": ""}
    assert after["materials"][0]["extras"] == {"bufferView": 99}
    position = after["meshes"][0]["primitives"][0]["attributes"]["POSITION"]
    assert after["accessors"][position]["name"] == "places"
    assert after["accessors"][position]["extras"] == {"unit": "m"}


def test_an_extension_that_must_be_understood_and_is_not_stops_everything() -> None:
    """Such a file may mean anything: it is given back byte for byte."""
    builder = one_mesh()
    builder.declare("VENDOR_new", required=True)
    data = builder.data()
    result = optimize(data)
    assert result.data == data
    assert "VENDOR_new" in result.report.notes[0]


def test_an_unknown_extension_keeps_every_index() -> None:
    """It may name any accessor or view, so none is dropped or renumbered."""
    builder = one_mesh()
    builder.root["nodes"][0]["extensions"] = {"VENDOR_new": {"accessor": 1}}
    builder.declare("VENDOR_new")
    data = builder.data()
    result = optimize(data)
    after = root_of(result.data)
    assert len(result.data) <= len(data)
    assert [len(after[k]) for k in ("accessors", "bufferViews")] == [4, 4]
    assert read_geometry(result.data).corners.tolist() == read_geometry(data).corners.tolist()
    assert any("VENDOR_new" in note for note in result.report.notes)


def test_instances_keep_their_places() -> None:
    """Accessors that only an extension names are no waste."""
    builder = one_mesh()
    places = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    accessor = builder.accessor(places, bare=True)
    builder.root["nodes"][0]["extensions"] = {
        "EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": accessor}}
    }
    builder.declare("EXT_mesh_gpu_instancing", required=True)
    document = Document.read(optimize(builder.data()).data)
    payload = document.root["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"]
    kept = read_accessor(document, payload["attributes"]["TRANSLATION"])
    assert kept.tobytes() == places.tobytes()


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        ("EXT_mesh_primitive_edge_visibility", {"visibility": 4}),
        ("KHR_audio", {"sources": [{"bufferView": 4, "mimeType": "audio/mpeg"}]}),
        ("OMI_audio_emitter", {"audioSources": [{"bufferView": 4, "mimeType": "audio/mpeg"}]}),
    ],
)
def test_what_an_extension_alone_names_is_kept(name: str, payload: Json) -> None:
    """Sounds and edges are neither dropped nor left to mean something else."""
    builder = one_mesh()
    edges = np.arange(4000, dtype=np.uint16) % 251
    assert builder.accessor(edges, bare=True) == 4
    builder.view(bytes(500))
    builder.root["meshes"][0]["extensions"] = {name: payload}
    builder.declare(name)
    document = Document.read(optimize(builder.data()).data)
    assert any(bytes(document.view(index)) == edges.tobytes() for index in named_views(document))


def named_views(document: Document) -> Iterator[int]:
    """The views that the mesh's extension leads to."""
    (payload,) = document.root["meshes"][0]["extensions"].values()
    sounds = payload.get("sources") or payload.get("audioSources") or []
    yield from (sound["bufferView"] for sound in sounds)
    accessor = payload.get("visibility")
    if accessor is not None:
        yield document.item("accessors", accessor)["bufferView"]


def test_a_manifold_keeps_the_vertices_that_it_numbers() -> None:
    """It hangs on the mesh and numbers the vertices of its primitives: their order must stay."""
    builder = one_mesh()
    manifold = builder.indices(bumpy().faces[::-1])
    payload = {"manifoldPrimitive": {"indices": manifold, "attributes": {"POSITION": 0}}}
    builder.root["meshes"][0]["extensions"] = {"EXT_mesh_manifold": payload}
    builder.declare("EXT_mesh_manifold")
    document = Document.read(optimize(builder.data()).data)
    assert read_accessor(document, 0).tobytes() == bumpy().positions.tobytes()


def test_metadata_keeps_its_bytes_and_their_alignment() -> None:
    """Its views go by other names, and are read eight bytes at a time."""
    builder = one_mesh()
    builder.binary += bytes(-len(builder.binary) % 8)
    values = np.arange(7, dtype=np.float64).tobytes()
    tables = [{"properties": {"height": {"values": builder.view(values)}}, "count": 7}]
    builder.root["extensions"] = {"EXT_structural_metadata": {"propertyTables": tables}}
    builder.declare("EXT_structural_metadata")
    document = Document.read(optimize(builder.data()).data)
    (table,) = document.root["extensions"]["EXT_structural_metadata"]["propertyTables"]
    index = table["properties"]["height"]["values"]
    assert bytes(document.view(index)) == values
    assert document.item("bufferViews", index)["byteOffset"] % 8 == 0


def test_variants_keep_their_materials() -> None:
    """Materials that only an extension names are kept, and so is what names them."""
    builder = one_mesh()
    variants = {"mappings": [{"material": 1, "variants": [0]}]}
    primitive = builder.root["meshes"][0]["primitives"][0]
    primitive |= {"material": 0, "extensions": {"KHR_materials_variants": variants}}
    builder.root["materials"] = [{"name": "day"}, {"name": "night"}]
    builder.root["extensions"] = {"KHR_materials_variants": {"variants": [{"name": "night"}]}}
    builder.declare("KHR_materials_variants")
    data = optimize(builder.data()).data
    kept = root_of(data)["meshes"][0]["primitives"][0]["extensions"]
    assert kept["KHR_materials_variants"] == variants
    assert DRACO in kept


def test_morph_targets_are_untouched() -> None:
    """Their displacements go by the order of the vertices, which Draco changes."""
    builder = one_mesh()
    surface = bumpy()
    target = {"POSITION": builder.accessor(surface.normals, bounds=True)}
    builder.root["meshes"][0]["primitives"][0]["targets"] = [target]
    data = builder.data()
    result = optimize(data)
    assert read_geometry(result.data).attributes["POSITION"].tobytes() == (
        surface.positions.tobytes()
    )
    assert "morph targets" in result.report.primitives[0].note


@pytest.mark.parametrize(
    "features",
    [[{"featureCount": 576}], [{"featureCount": 3, "attribute": 0}]],
    ids=["by the vertex's number", "by an attribute"],
)
def test_features_by_number_keep_the_order(features: list[Json]) -> None:
    """Vertices that are counted stay in place; those that carry their number may move."""
    surface = bumpy()
    builder = Builder()
    ids = np.arange(576, dtype=np.uint16)[:, None] % 3
    builder.mesh(builder.primitive(surface.attributes | {"_FEATURE_ID_0": ids}, surface.faces))
    primitive = builder.root["meshes"][0]["primitives"][0]
    primitive["extensions"] = {"EXT_mesh_features": {"featureIds": features}}
    builder.declare("EXT_mesh_features")
    output = read_geometry(optimize(builder.data()).data)
    assert output.compressed == ("attribute" in features[0])


def test_seams_between_primitives_do_not_crack() -> None:
    """All primitives of a mesh are rounded to one grid, so shared corners stay shared."""
    left, right = halves(bumpy())
    builder = Builder()
    builder.mesh(*(builder.primitive(half.attributes, half.faces) for half in (left, right)))
    data = optimize(builder.data(), Options(position_bits=11)).data
    here, there = (read_geometry(data, primitive=number) for number in (0, 1))
    assert here.compressed
    assert there.compressed
    shared = positions(left) & positions(right)
    assert len(shared) == 24
    assert len(points(here) & points(there)) == len(shared)


def positions(surface: Surface) -> set[tuple[float, ...]]:
    return {tuple(row) for row in surface.positions.tolist()}


def points(geometry: Geometry) -> set[tuple[float, ...]]:
    return {tuple(row) for row in geometry.attributes["POSITION"].tolist()}


def test_what_touches_a_primitive_that_stays_stays_too() -> None:
    """Half a mesh on a grid and half beside it would gape."""
    left, right = halves(bumpy())
    builder = Builder()
    parts = [builder.primitive(half.attributes, half.faces) for half in (left, right)]
    parts[1]["targets"] = [{"POSITION": builder.accessor(right.normals, bounds=True)}]
    builder.mesh(*parts)
    result = optimize(builder.data())
    assert not read_geometry(result.data).compressed
    assert "would crack" in result.report.primitives[0].note


def test_geometry_in_several_meshes_is_stored_once() -> None:
    """Shared by its accessors, or equal byte for byte: one blob, one set of accessors."""
    surface = bumpy()
    builder = one_mesh(surface)
    builder.mesh(dict(builder.root["meshes"][0]["primitives"][0]), name="same accessors")
    builder.mesh(builder.primitive(surface.attributes, surface.faces), name="same bytes")
    after = root_of(optimize(builder.data()).data)
    primitives = [mesh["primitives"][0] for mesh in after["meshes"]]
    assert len(after["bufferViews"]) == 1
    assert len(after["accessors"]) == 4
    assert all(primitive["attributes"] == primitives[0]["attributes"] for primitive in primitives)


def test_equal_geometry_shares_no_accessor_that_is_named_otherwise() -> None:
    """What an application wrote beside one of them doesn't become the other's."""
    surface = bumpy()
    builder = one_mesh(surface)
    builder.mesh(builder.primitive(surface.attributes, surface.faces))
    for number, mesh in enumerate(builder.root["meshes"]):
        position = mesh["primitives"][0]["attributes"]["POSITION"]
        builder.root["accessors"][position] |= {"name": f"{number}", "extras": {"of": number}}
    after = root_of(optimize(builder.data()).data)
    one, other = (mesh["primitives"][0]["attributes"] for mesh in after["meshes"])
    names = [after["accessors"][attributes["POSITION"]] for attributes in (one, other)]
    assert [(item["name"], item["extras"]["of"]) for item in names] == [("0", 0), ("1", 1)]
    assert one["NORMAL"] == other["NORMAL"]
    assert len(after["bufferViews"]) == 1


def test_a_vertex_buffer_shared_with_lines_is_kept_for_them() -> None:
    """Draco frees nothing where something else still needs the bytes: then it does not pay."""
    surface = bumpy()
    builder = one_mesh(surface)
    attributes = builder.root["meshes"][0]["primitives"][0]["attributes"]
    edges = builder.indices(surface.faces[:, :2])
    builder.mesh({"attributes": dict(attributes), "indices": edges, "mode": 1})
    result = optimize(builder.data())
    document = Document.read(result.data)
    lines = document.root["meshes"][1]["primitives"][0]
    kept = read_accessor(document, lines["attributes"]["POSITION"])
    assert kept.tobytes() == surface.positions.tobytes()
    assert len(result.data) <= result.report.bytes_before


def test_two_primitives_over_one_vertex_buffer() -> None:
    """Each takes the vertices that it uses, and the buffer is gone."""
    surface = bumpy()
    builder = one_mesh(surface)
    first = builder.root["meshes"][0]["primitives"][0]
    middle = len(surface.faces) // 2
    first["indices"] = builder.indices(surface.faces[:middle])
    second: Json = {"attributes": dict(first["attributes"])}
    second["indices"] = builder.indices(surface.faces[middle:])
    builder.root["meshes"][0]["primitives"].append(second)
    data = optimize(builder.textured().data()).data
    counts = [len(read_geometry(data, primitive=number).faces) for number in (0, 1)]
    assert counts == [middle, len(surface.faces) - middle]
    assert len(root_of(data)["bufferViews"]) == 2


def test_interleaved_attributes_are_read_where_they_lie() -> None:
    """One view with a stride, several accessors, and after it nothing of it is left."""
    surface = bumpy()
    rows = np.hstack([surface.positions, surface.normals, surface.uvs])
    builder = Builder()
    view = builder.view(rows.tobytes(), byteStride=32)
    attributes = {
        name: builder.add(
            "accessors",
            {"bufferView": view, "byteOffset": at, "componentType": 5126, "count": 576} | more,
        )
        for name, at, more in (
            ("POSITION", 0, bounds(surface) | {"type": "VEC3"}),
            ("NORMAL", 12, {"type": "VEC3"}),
            ("TEXCOORD_0", 24, {"type": "VEC2"}),
        )
    }
    builder.mesh({"attributes": attributes, "indices": builder.indices(surface.faces)})
    output = read_geometry(optimize(builder.data()).data)
    same = read_geometry(optimize(one_mesh(surface).data()).data)
    assert (output.corners == same.corners).all()


def bounds(surface: Surface) -> Json:
    low, high = surface.positions.min(axis=0), surface.positions.max(axis=0)
    return {"min": low.tolist(), "max": high.tolist()}


def test_sparse_positions_are_filled_in_first() -> None:
    """What a sparse accessor changes is part of the shape."""
    surface = bumpy()
    builder = one_mesh(surface)
    moved = np.array([[0.5, 0.5, 2.0]], np.float32)
    at = builder.view(np.array([100], np.uint16).tobytes())
    to = builder.view(moved.tobytes())
    builder.root["accessors"][0] |= {
        "sparse": {
            "count": 1,
            "indices": {"bufferView": at, "componentType": 5123},
            "values": {"bufferView": to},
        },
        "max": [1.0, 1.0, 2.0],
    }
    output = read_geometry(optimize(builder.data()).data)
    assert abs(output.attributes["POSITION"][:, 2].max() - 2) < 1e-4
    assert "sparse" not in output.accessors["POSITION"]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_positions_that_are_no_numbers_stay_as_they_are(bad: float) -> None:
    """Nothing can be said of their distance, so nothing is done to them."""
    surface = bumpy()
    positions = surface.positions.copy()
    positions[7, 1] = bad
    builder = Builder()
    attributes = replace(surface, positions=positions).attributes
    builder.mesh(builder.primitive(attributes, surface.faces))
    builder.root["accessors"][0] |= {"min": [0, 0, -1], "max": [1, 1, 1]}
    result = optimize(builder.data())
    assert not read_geometry(result.data).compressed
    assert "not finite" in result.report.primitives[0].note


def test_data_that_nobody_refers_to_is_dropped() -> None:
    """Accessors and bytes without a user are not paid for."""
    builder = one_mesh()
    small = len(optimize(builder.data()).data)
    builder.accessor(np.random.default_rng(1).normal(size=(500, 3)).astype(np.float32))
    builder.view(bytes(5000))
    assert len(optimize(builder.data()).data) == small


def test_only_the_used_parts_of_a_view_are_kept() -> None:
    """Where all accessors share one view, what Draco frees lies between what stays."""
    surface = bumpy()
    builder = Builder()
    shapes = [
        ("POSITION", surface.positions),
        ("own", surface.normals),
        ("NORMAL", surface.normals),
    ]
    data = b"".join(values.tobytes() for _, values in shapes) + surface.faces.tobytes()
    view = builder.view(data)
    size = surface.positions.nbytes
    floats = {"bufferView": view, "componentType": 5126, "count": 576, "type": "VEC3"}
    for number in range(3):
        builder.add("accessors", floats | {"byteOffset": number * size})
    builder.root["accessors"][0] |= bounds(surface)
    scalars = {"componentType": 5125, "count": surface.faces.size, "type": "SCALAR"}
    indices = builder.add("accessors", {"bufferView": view, "byteOffset": 3 * size} | scalars)
    builder.mesh({"attributes": {"POSITION": 0, "NORMAL": 2}, "indices": indices})
    builder.root["nodes"][0]["extensions"] = {
        "EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": 1}}
    }
    builder.declare("EXT_mesh_gpu_instancing")
    result = optimize(builder.data())
    document = Document.read(result.data)
    payload = document.root["nodes"][0]["extensions"]["EXT_mesh_gpu_instancing"]
    kept = read_accessor(document, payload["attributes"]["TRANSLATION"])
    assert kept.tobytes() == surface.normals.tobytes()
    assert len(result.data) < size + 6000


def test_interleaved_views_keep_whole_strides() -> None:
    """Loaders take count times byteStride, the unused end of the last vertex too."""
    surface = bumpy()
    rows = np.hstack([surface.positions, surface.normals, surface.uvs])
    builder = Builder()
    view = builder.view(bytes(320) + rows.tobytes() + bytes(640), byteStride=32)
    floats = {"bufferView": view, "componentType": 5126, "count": 576, "type": "VEC3"}
    places = builder.add("accessors", floats | {"byteOffset": 320} | bounds(surface))
    normals = builder.add("accessors", floats | {"byteOffset": 332})
    attributes = {"POSITION": places, "NORMAL": normals}
    builder.mesh({"attributes": attributes, "indices": builder.indices(surface.faces)})
    root = root_of(optimize(builder.data(), Options(preset=Preset.SAFE)).data)
    assert root["bufferViews"][view]["byteLength"] == rows.nbytes
    assert [root["accessors"][index]["byteOffset"] for index in attributes.values()] == [0, 12]


def test_parts_of_a_view_begin_at_multiples_of_four() -> None:
    """Floats that follow indices at an odd place stay where floats may be."""
    surface = bumpy()
    builder = Builder()
    view = builder.view(bytes(3998) + bytes(6) + surface.positions.tobytes())
    part = {"bufferView": view}
    indices = {"byteOffset": 3998, "componentType": 5123, "count": 3, "type": "SCALAR"}
    floats = {"byteOffset": 4004, "componentType": 5126, "count": 576, "type": "VEC3"}
    faces = builder.add("accessors", part | indices)
    places = builder.add("accessors", part | floats | bounds(surface))
    builder.mesh({"attributes": {"POSITION": places}, "indices": faces})
    root = root_of(optimize(builder.data(), Options(preset=Preset.SAFE)).data)
    assert root["accessors"][places]["byteOffset"] == 8
    assert root["bufferViews"][view]["byteLength"] == 8 + surface.positions.nbytes


@pytest.mark.parametrize("preset", COMPRESSED)
def test_every_preset_keeps_every_triangle(preset: Preset) -> None:
    """Coarser grids move corners; they never cost a triangle."""
    data = one_mesh(bumpy(40)).data()
    source = read_geometry(data)
    output = read_geometry(optimize(data, Options(preset=preset)).data)
    assert len(output.faces) == len(source.faces)
    assert len(set(nearest(source, output))) == len(source.attributes["POSITION"])


def test_an_extension_that_is_not_wanted_is_not_used() -> None:
    """Without Draco geometry stays as it is."""
    data = one_mesh().data()
    options = Options(without=frozenset({DRACO}))
    assert not read_geometry(optimize(data, options).data).compressed


@pytest.mark.parametrize("place", [{"buffer": 0}, {"parts": [{"byteOffset": 8}]}])
def test_bytes_that_an_unknown_extension_names_by_place_stay_there(place: Json) -> None:
    """No view tells of them: moved, they would be lost."""
    builder = one_mesh(bumpy(30))
    builder.binary += b"for the vendor only!"
    builder.root["meshes"][0]["extensions"] = {"VENDOR_stream": place}
    builder.declare("VENDOR_stream")
    data = builder.data()
    result = optimize(data, Options(preset=Preset.WEB))
    assert result.data == data
    assert "VENDOR_stream" in result.report.notes[0]


def test_an_empty_list_of_buffers_is_as_good_as_none() -> None:
    """A picture moves out of its URI into a buffer of its own."""
    picture = b64encode(b"\x89PNG\r\n\x1a\n" + bytes(992)).decode()
    root = {
        "asset": {"version": "2.0"},
        "buffers": [],
        "images": [{"uri": f"data:;base64,{picture}"}],
    }
    result = optimize(write_container(root, []))
    assert root_of(result.data)["buffers"][0]["byteLength"] == 1000


def test_depth_that_can_be_read_but_not_written_is_left_alone() -> None:
    """The file is sound: that our writer has its limits is no reason to refuse it."""
    builder = one_mesh()
    data = builder.data()
    marker = b'"asset":{"version":"2.0"}'
    deep = b'"asset":{"version":"2.0","extras":' + b"[" * 400 + b"]" * 400 + b"}"
    assert marker in data
    builder.root["asset"]["extras"] = "HERE"
    text = builder.data().replace(b'"HERE"', b"[" * 400 + b"]" * 400)
    grown = text[:8] + len(text).to_bytes(4, "little") + text[12:]
    json_length = int.from_bytes(text[12:16], "little") + 794
    file = grown[:12] + json_length.to_bytes(4, "little") + grown[16:]
    assert deep in file
    result = optimize(file)
    assert result.data == file
    assert "can't be written again" in result.report.notes[0]


def variations() -> Iterator[tuple[bool, ...]]:
    return itertools.product([False, True], repeat=3)


@pytest.mark.parametrize(("normals", "uvs", "short"), list(variations()))
def test_any_set_of_attributes_is_proven(normals: bool, uvs: bool, short: bool) -> None:  # noqa: FBT001
    """Whatever a primitive has, it is encoded and its check passes."""
    surface = bumpy()
    wanted = {"POSITION": True, "NORMAL": normals, "TEXCOORD_0": uvs}
    attributes = {k: v for k, v in surface.attributes.items() if wanted[k]}
    builder = Builder()
    faces = surface.faces.astype(np.uint16 if short else np.uint32)
    builder.mesh(builder.primitive(attributes, faces))
    output = read_geometry(optimize(builder.data()).data)
    assert output.compressed
    assert output.attributes.keys() == attributes.keys()


def test_a_fault_of_our_own_is_not_blamed_on_the_file() -> None:
    """What was written wrongly is found before it is handed out, under a name of its own."""
    data = one_mesh().data()
    with pytest.raises(UnsoundError, match="can't be read: header"):
        confirm(data[:-4], read(data))


def test_what_only_looks_like_an_extension_is_left_to_its_author() -> None:
    """In extras and in XMP packets stands whatever anybody likes; it freezes nothing."""
    builder = one_mesh(bumpy(40))
    looks = {"extensions": {"VENDOR_unknown": {"bufferView": 0}, "none": 3}}
    builder.root["nodes"][0]["extras"] = looks
    builder.root["extensions"] = {"KHR_xmp_json_ld": {"packets": [looks]}}
    builder.root["extensionsUsed"] = ["KHR_xmp_json_ld"]
    result = optimize(builder.data())
    assert result.report.primitives[0].encoding == "draco"
    assert Document.read(result.data).root["nodes"][0]["extras"] == looks


def test_what_turns_out_unsound_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever went wrong here, the file itself is as good as it was, and the report owns up."""
    data = one_mesh().data()
    monkeypatch.setattr(
        "worker.glb.assemble.write_container", lambda *it: write_container(*it)[:-4]
    )
    result = optimize(data)
    assert result.data == data
    assert result.report.notes[0].startswith("left as it is: a fault of this optimiser")


@pytest.mark.parametrize("preset", list(Preset))
def test_views_of_no_length_still_name_a_buffer(preset: Preset) -> None:
    """Also where nothing else is left of it."""
    builder = Builder(binary=bytearray(400))
    view = builder.add("bufferViews", {"buffer": 0, "byteLength": 0})
    nothing = {"bufferView": view, "componentType": 5126, "count": 0, "type": "SCALAR"}
    sampler = {"input": builder.add("accessors", nothing), "output": 0}
    target = {"node": builder.add("nodes", {}), "path": "translation"}
    channel = {"sampler": 0, "target": target}
    builder.add("animations", {"samplers": [sampler], "channels": [channel]})
    report = optimize(builder.data(), Options(preset=preset)).report
    assert report.bytes_after < report.bytes_before
    assert not report.notes
