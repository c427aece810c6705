"""What becomes of one primitive: bounds, exactness, and proof by decoding."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.glb.build import Array, Builder, Surface, bumpy, one_mesh
from tests.glb.read import Geometry, as_floats, nearest, read_geometry
from worker.glb import Options, optimize
from worker.glb.accessors import COMPONENT_TYPES

CORNER = 0.87


def with_attributes(surface: Surface | None = None, **more: Array) -> Builder:
    surface = surface or bumpy()
    builder = Builder()
    builder.mesh(builder.primitive(surface.attributes | more, surface.faces))
    return builder


def encoded(builder: Builder, options: Options = Options()) -> tuple[Geometry, Geometry]:  # noqa: B008
    """Source and output; the output is compressed, or the test is about nothing."""
    data = builder.data()
    output = read_geometry(optimize(data, options).data)
    assert output.compressed
    return read_geometry(data), output


def angle(one: Array, other: Array) -> Array:
    one, other = one.astype(float), other.astype(float)
    across = np.linalg.norm(np.cross(one, other), axis=1)
    degrees: Array = np.degrees(np.arctan2(across, (one * other).sum(axis=1)))
    return degrees


@pytest.mark.parametrize("bits", [11, 14, 16])
def test_no_vertex_moves_farther_than_the_bound(bits: int) -> None:
    """At b bits every vertex stays within 0.87 of the grid's step, R / (2^b - 1)."""
    source, output = encoded(one_mesh(), Options(position_bits=bits))
    side = np.ptp(source.attributes["POSITION"], axis=0).max()
    moved = np.linalg.norm(
        source.attributes["POSITION"][nearest(source, output)] - output.attributes["POSITION"],
        axis=1,
    )
    assert moved.max() <= CORNER * side / (2**bits - 1)
    assert len(output.faces) == len(source.faces)


def test_normals_and_texture_coordinates_stay_within_their_bounds() -> None:
    """Normals turn by at most 0.25 degrees, coordinates move by half of 1/4095."""
    source, output = encoded(one_mesh().textured())
    here = nearest(source, output)
    normals = angle(source.attributes["NORMAL"][here], output.attributes["NORMAL"])
    assert normals.max() <= 0.25
    moved = source.attributes["TEXCOORD_0"][here] - output.attributes["TEXCOORD_0"]
    assert 0 < np.abs(moved).max() <= 0.51 / 4095


def test_tangents_are_signed_bytes_within_1_127() -> None:
    """The type that the binding lacks is right in the stream and declared in the file."""
    surface = bumpy()
    across = np.cross(surface.normals, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    handed = np.where(surface.positions[:, :1] > 0.5, 1, -1)
    tangents = np.hstack([across, handed]).astype(np.float32)
    builder = with_attributes(surface, TANGENT=tangents)
    source, output = encoded(builder)
    assert output.accessors["TANGENT"]["componentType"] == 5120
    assert output.accessors["TANGENT"]["normalized"] is True
    moved = source.attributes["TANGENT"][nearest(source, output)] - as_floats(output, "TANGENT")
    assert np.abs(moved).max() <= 1 / 127
    kept = encoded(builder, Options(without=frozenset({"KHR_mesh_quantization"})))[1]
    assert kept.accessors["TANGENT"]["componentType"] == 5126


@pytest.mark.parametrize("total", [1.0, 0.69])
def test_weights_move_by_less_than_1_255_and_keep_their_sum(total: float) -> None:
    """Over both sets of a vertex, also where the sum was not 1 to begin with."""
    surface = bumpy()
    random = np.random.default_rng(3)
    shares = random.dirichlet([0.3] * 8, len(surface.positions)).astype(np.float32) * total
    joints = random.integers(0, 200, (len(shares), 8)).astype(np.uint16)
    source, output = encoded(
        with_attributes(
            surface,
            JOINTS_0=joints[:, :4],
            JOINTS_1=joints[:, 4:],
            WEIGHTS_0=shares[:, :4],
            WEIGHTS_1=shares[:, 4:],
        )
    )
    here = nearest(source, output)
    after = np.hstack([as_floats(output, "WEIGHTS_0"), as_floats(output, "WEIGHTS_1")])
    assert np.abs(after - shares[here]).max() <= 1 / 255
    assert np.abs(after.sum(axis=1) - shares[here].sum(axis=1)).max() <= 0.51 / 255
    assert (output.attributes["JOINTS_0"] == joints[here, :4]).all()
    assert output.accessors["JOINTS_0"]["componentType"] == 5121


@pytest.mark.parametrize(
    "values",
    [
        np.arange(576, dtype=np.uint8)[:, None] % 7,
        np.arange(576, dtype=np.uint16)[:, None] * 100,
        (np.arange(576)[:, None] - 300).astype(np.int16),
        (np.arange(1152).reshape(-1, 2) % 250 - 125).astype(np.int8),
        np.random.default_rng(1).normal(size=(576, 3)).astype(np.float32) * 1e6,
        np.array([[np.nan], [np.inf], [-0.0], [1e-40]] * 144, np.float32),
    ],
    ids=["u8", "u16", "i16", "i8", "f32", "odd floats"],
)
def test_an_applications_own_attributes_are_exact(values: Array) -> None:
    """Feature numbers and measurements come back bit by bit, and with their type."""
    source, output = encoded(with_attributes(_OWN=values))
    here = nearest(source, output)
    assert output.accessors["_OWN"]["componentType"] == source.accessors["_OWN"]["componentType"]
    assert output.attributes["_OWN"].tobytes() == source.attributes["_OWN"][here].tobytes()


@pytest.mark.parametrize("name", ["NORMAL_0", "NORMAL_1", "TANGENT_1", "TEXCOORD", "COLOR"])
def test_names_that_gltf_does_not_know_are_exact(name: str) -> None:
    """However much they look like those that it does."""
    surface = bumpy()
    values = (surface.normals + 1) / 2
    source, output = encoded(with_attributes(surface, **{name: values}))
    here = nearest(source, output)
    assert (source.attributes[name][here] == output.attributes[name]).all()
    assert output.accessors[name]["componentType"] == 5126


@pytest.mark.parametrize(
    ("scale", "component_type", "allowed"),
    [(1 / 255, 5121, 1e-6), (1 / 65535, 5123, 1e-6), (1 / 1000, 5123, 1e-5), (1.0, 5126, 0)],
)
def test_float_colours_become_the_integers_that_they_were(
    scale: float, component_type: int, allowed: float
) -> None:
    """Bytes where they were bytes; brighter than white they stay floats."""
    colours = np.random.default_rng(2).integers(0, 250, (576, 4)).astype(np.float32)
    source, output = encoded(with_attributes(COLOR_0=colours * np.float32(scale)))
    assert output.accessors["COLOR_0"]["componentType"] == component_type
    moved = source.attributes["COLOR_0"][nearest(source, output)] - as_floats(output, "COLOR_0")
    assert np.abs(moved).max() <= allowed


def test_broken_normals_are_taken_from_the_faces() -> None:
    """Draco would make (1, 0, 0) of them and say nothing."""
    surface = bumpy()
    normals = surface.normals.copy()
    normals[5] = np.nan
    normals[200] = 0
    result = optimize(one_mesh(replace(surface, normals=normals)).data())
    source, output = read_geometry(one_mesh(surface).data()), read_geometry(result.data)
    here = nearest(source, output)
    assert angle(surface.normals[here], output.attributes["NORMAL"]).max() < 10
    assert result.report.primitives[0].note.startswith("2 normals")


def test_triangles_without_area_are_dropped_and_nothing_else() -> None:
    """They would coarsen the grid if their far corners were counted."""
    surface = bumpy()
    far = np.array([[1000, 0, 0]], np.float32)
    wide = replace(
        surface,
        positions=np.vstack([surface.positions, far, surface.positions[:1]]),
        normals=np.vstack([surface.normals, surface.normals[:2]]),
        uvs=np.vstack([surface.uvs, surface.uvs[:2]]),
        faces=np.vstack([surface.faces, [[0, 577, 576], [3, 3, 4]]]).astype(np.uint32),
    )
    result = optimize(one_mesh(wide).data())
    output = read_geometry(result.data)
    assert len(output.faces) == len(surface.faces)
    assert np.ptp(output.attributes["POSITION"], axis=0).max() < 2
    assert "2 triangles without area" in result.report.primitives[0].note


def bellows(**movers: Array) -> Builder:
    """A surface with a strip along its first row that has no area, between two rows in one place.

    The first row of each mover belongs to the surface, the second to the other side of the strip.
    """
    surface, row = bumpy(), np.arange(24)
    here, there = np.stack([row[:-1], row[1:]]), 576 + np.stack([row[:-1], row[1:]])
    strip = np.concatenate(
        [np.stack([*here, there[1]], axis=1), np.stack([here[0], there[1], there[0]], axis=1)]
    )
    builder = Builder()
    sides = np.repeat([0, 1], [576, 24])
    attributes = {"POSITION": np.vstack([surface.positions, surface.positions[row]])}
    attributes |= {name: values[sides] for name, values in movers.items()}
    builder.mesh(builder.primitive(attributes, np.vstack([surface.faces, strip]).astype(np.uint32)))
    return builder


BONES = np.array([[0, 0, 0, 0], [1, 0, 0, 0]], np.uint8)
ALL_OF_ONE = np.array([[1, 0, 0, 0]] * 2, np.float32)


@pytest.mark.parametrize(
    "movers",
    [{"JOINTS_0": BONES, "WEIGHTS_0": ALL_OF_ONE}, {"_WIND": np.array([[0], [1]], np.float32)}],
)
def test_triangles_without_area_stay_where_they_may_open(movers: dict[str, Array]) -> None:
    """Draco can't keep them, so the mesh stays as it is."""
    (primitive,) = optimize(bellows(**movers).data()).report.primitives
    assert primitive.triangles_after == primitive.triangles_before
    assert "may open" in primitive.note


@pytest.mark.parametrize(
    "movers",
    [{}, {"JOINTS_0": BONES[[1, 1]], "WEIGHTS_0": ALL_OF_ONE}, {"NORMAL": ALL_OF_ONE[:, :3]}],
)
def test_triangles_without_area_go_where_they_never_open(movers: dict[str, Array]) -> None:
    """Both sides of the strip move alike."""
    (primitive,) = optimize(bellows(**movers).data()).report.primitives
    assert "46 triangles without area" in primitive.note


@pytest.mark.parametrize("corners", [1, 2])
@pytest.mark.parametrize("mode", [4, 5, 6])
def test_too_few_corners_make_no_triangle(mode: int, corners: int) -> None:
    """A strip or fan of one corner beside a real primitive is left alone, and harms nothing."""
    surface = bumpy()
    builder = Builder()
    whole = builder.primitive(surface.attributes, surface.faces)
    stump = whole | {"indices": builder.indices(surface.faces.ravel()[:corners]), "mode": mode}
    builder.mesh(whole, stump)
    report = optimize(builder.data()).report
    assert report.bytes_after <= report.bytes_before


@pytest.mark.parametrize("mode", [5, 6])
def test_strips_and_fans_become_lists_with_the_same_front(mode: int) -> None:
    """Every triangle of a strip or a fan is there, and looks the same way."""
    around = np.linspace(0, 6, 60)
    rim = np.stack([np.cos(around), np.sin(around), np.sin(3 * around)], axis=1)
    if mode == 5:
        rim[::2, 2] += 1
    positions = (np.vstack([[[0, 0, 5]], rim]) if mode == 6 else rim).astype(np.float32)
    order = np.arange(len(positions), dtype=np.uint16)
    builder = Builder()
    builder.mesh(builder.primitive({"POSITION": positions}, order, mode=mode))
    output = read_geometry(optimize(builder.data()).data)
    wanted = [
        (0, i, i + 1) if mode == 6 else (i, i + 1 + i % 2, i + 2 - i % 2)
        for i in range(mode == 6, len(positions) - (1 if mode == 6 else 2))
    ]
    source = Geometry({"POSITION": positions}, np.array(wanted), {}, compressed=False)
    snapped = nearest(source, output)
    there = {tuple(np.roll(f, -f.argmin())) for f in snapped[output.faces]}
    assert there == {tuple(np.roll(f, -int(np.argmin(f)))) for f in np.array(wanted)}


def test_soup_is_welded_without_loss() -> None:
    """Without indices every triangle has its own corners; equal ones become one."""
    surface = bumpy()
    corners = surface.faces.ravel()
    soup = Builder()
    soup.mesh(soup.primitive({k: v[corners] for k, v in surface.attributes.items()}))
    output = read_geometry(optimize(soup.data()).data)
    indexed = read_geometry(optimize(one_mesh(surface).data()).data)
    assert len(output.attributes["POSITION"]) == len(surface.positions)
    assert (output.corners == indexed.corners).all()


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e6, -3e7])
def test_far_from_the_origin_nothing_gets_worse(offset: float) -> None:
    """Beyond the precision of floats nothing is promised, and nothing is lost."""
    surface = bumpy()
    moved = replace(surface, positions=surface.positions * 10 + np.float32(offset))
    builder = one_mesh(moved)
    data = builder.data()
    result = optimize(data)
    error = result.report.primitives[0].position_error
    if error is not None:
        bound = CORNER * 10.1 / 16383 + 2 * np.spacing(np.float32(abs(offset) + 10))
        assert error <= bound


@pytest.mark.parametrize("scale", [1e-30, 1e-6, 1.0, 1e6, 1e30])
def test_the_size_of_a_mesh_does_not_matter(scale: float) -> None:
    """A grain of sand keeps its shape as a planet does."""
    surface = bumpy()
    scaled = replace(surface, positions=surface.positions * np.float32(scale))
    source, output = encoded(one_mesh(scaled))
    here = nearest(source, output)
    moved = source.attributes["POSITION"][here] - output.attributes["POSITION"]
    side = float(np.ptp(source.attributes["POSITION"], axis=0).max())
    assert np.linalg.norm(moved.astype(float), axis=1).max() <= CORNER * side / 16383


def test_texture_coordinates_that_reach_too_far_are_exact() -> None:
    """Data that travels as coordinates must not be rounded as if it placed a texture."""
    surface = bumpy()
    far = replace(surface, uvs=surface.uvs * np.float32(90_000))
    source, output = encoded(one_mesh(far).textured())
    here = nearest(source, output)
    assert (source.attributes["TEXCOORD_0"][here] == output.attributes["TEXCOORD_0"]).all()


def test_a_second_set_without_a_texture_is_exact() -> None:
    """Nobody knows what an unused set is for: perhaps a game's wind."""
    surface = bumpy()
    source, output = encoded(with_attributes(surface, TEXCOORD_1=surface.uvs * np.float32(0.7)))
    here = nearest(source, output)
    assert (source.attributes["TEXCOORD_1"][here] == output.attributes["TEXCOORD_1"]).all()


def test_data_beside_integer_coordinates_is_exact() -> None:
    """A float set that places no texture never takes the rounded place of one that is integer."""
    surface = bumpy()
    steps = np.rint(surface.uvs * 65535).astype(np.uint16)
    data = surface.uvs * np.float32(0.7)
    source, output = encoded(with_attributes(surface, TEXCOORD_0=steps, TEXCOORD_1=data))
    here = nearest(source, output)
    assert (source.attributes["TEXCOORD_1"][here] == output.attributes["TEXCOORD_1"]).all()


def test_only_coordinates_that_place_a_texture_are_rounded() -> None:
    """Where the second set does, the first may be data as well as any other."""
    surface = bumpy()
    builder = with_attributes(surface, TEXCOORD_1=surface.uvs * np.float32(0.7)).textured()
    builder.root["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"]["texCoord"] = 1
    source, output = encoded(builder)
    here = nearest(source, output)
    assert (source.attributes["TEXCOORD_0"][here] == output.attributes["TEXCOORD_0"]).all()


@pytest.mark.parametrize("textured", [True, False])
@pytest.mark.parametrize("channels", [{"channels": [0]}, {}], ids=["channels", "first channel"])
@pytest.mark.parametrize("name", ["EXT_mesh_features", "EXT_structural_metadata"])
def test_coordinates_that_lead_to_numbers_are_exact(
    name: str, channels: dict[str, Any], *, textured: bool
) -> None:
    """A feature's number is read from the nearest texel, and the next one means another."""
    builder = with_attributes(TEXCOORD_1=bumpy().uvs[::-1] * np.float32(0.7))
    if textured:
        builder.textured()
    numbers = {"index": builder.add("textures", {}), "texCoord": 1} | channels
    (primitive,) = builder.root["meshes"][0]["primitives"]
    if name == "EXT_mesh_features":
        primitive["extensions"] = {name: {"featureIds": [{"featureCount": 5, "texture": numbers}]}}
    else:
        primitive["extensions"] = {name: {"propertyTextures": [0]}}
        textures = [{"class": "c", "properties": {"p": numbers}}]
        builder.root["extensions"] = {name: {"propertyTextures": textures}}
    builder.declare(name)
    for texcoord in (1, 0):
        numbers["texCoord"] = texcoord
        source, output = encoded(builder)
        here = nearest(source, output)
        kept = output.attributes[f"TEXCOORD_{texcoord}"]
        assert (source.attributes[f"TEXCOORD_{texcoord}"][here] == kept).all()


def test_coordinates_of_a_model_without_textures_are_rounded() -> None:
    """A preview waits for its texture: its first set is as good as placed, its second is not."""
    surface = bumpy()
    source, output = encoded(with_attributes(surface, TEXCOORD_1=surface.uvs * np.float32(0.7)))
    here = nearest(source, output)
    moved = np.abs(source.attributes["TEXCOORD_0"][here] - output.attributes["TEXCOORD_0"]).max()
    assert 0 < moved <= 0.51 / 4095
    assert (source.attributes["TEXCOORD_1"][here] == output.attributes["TEXCOORD_1"]).all()


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.uint8, np.int8])
@pytest.mark.parametrize("normalized", [True, False])
def test_positions_in_whole_numbers_stay_exact(
    dtype: type[np.integer[Any]], *, normalized: bool
) -> None:
    """What was quantized once is not rounded again, and keeps its type and its extension."""
    surface = bumpy()
    info = np.iinfo(dtype)
    spread = surface.positions * (float(info.max) - info.min) * 0.8 + info.min * 0.8
    whole = np.clip(np.rint(spread), info.min, info.max).astype(dtype)
    normals = np.rint(surface.normals * 127).astype(np.int8)
    builder = Builder()
    attributes = {"POSITION": whole, "NORMAL": normals}
    builder.mesh(builder.primitive(attributes, surface.faces))
    builder.root["accessors"][0]["normalized"] = normalized
    builder.declare("KHR_mesh_quantization", required=True)
    source, output = encoded(builder)
    assert (source.corners == output.corners).all()
    assert output.accessors["POSITION"]["componentType"] == COMPONENT_TYPES[np.dtype(dtype)]
    assert output.accessors["POSITION"].get("normalized", False) is normalized
    low = output.accessors["POSITION"]["min"]
    assert low == source.attributes["POSITION"].min(axis=0).tolist()
