"""Small files that ask for much work: each once took minutes, or all of the memory."""

from concurrent.futures import Executor, Future
from copy import deepcopy
from threading import Event

import numpy as np
import pytest

from tests.glb.build import Builder, Surface, bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, plan, shown_as
from worker.glb import GlbError, Options, Preset, check, optimize
from worker.glb.container import Json
from worker.glb.document import Document
from worker.glb.draft import Draft
from worker.glb.extensions import Use
from worker.glb.optimize import read
from worker.glb.prune import prune
from worker.glb.workers import workers

DRACO = "KHR_draco_mesh_compression"
PLAIN = Options(preset=Preset.PLAIN)
MANY = 50_000


def first_primitive(builder: Builder) -> Json:
    primitive: Json = builder.root["meshes"][0]["primitives"][0]
    return primitive


@pytest.mark.timeout(40)
def test_a_view_of_many_parts() -> None:
    """Each part becomes a view of its own in one pass, not in one pass an accessor."""
    builder = one_mesh()
    view = builder.view(bytes(16 * MANY))
    part = {"bufferView": view, "componentType": 5121, "type": "SCALAR", "count": 1}
    first_primitive(builder)["targets"] = [
        {"_PART": builder.add("accessors", part | {"byteOffset": 16 * number})}
        for number in range(MANY)
    ]
    draft = read(builder.data())
    prune(draft)
    assert len(draft.document.items("bufferViews")) == 4 + MANY


def packed(users: int) -> Builder:
    """So many primitives, each with accessors of its own, that show the same Draco data."""
    document = Document.read(optimize(one_mesh(bumpy(24)).data()).data)
    builder = Builder(document.root, bytearray(document.binary))
    (primitive,) = builder.root["meshes"][0]["primitives"]
    accessors = list(builder.root["accessors"])
    for _ in range(users - 1):
        first = len(builder.root["accessors"])
        builder.root["accessors"] += [dict(accessor) for accessor in accessors]
        attributes = {name: first + old for name, old in primitive["attributes"].items()}
        other = primitive | {"attributes": attributes, "indices": first + primitive["indices"]}
        other["extensions"] = {DRACO: dict(primitive["extensions"][DRACO])}
        builder.root["meshes"][0]["primitives"].append(other)
    return builder


def test_what_many_accessors_mean_is_unpacked_once() -> None:
    """Only the JSON grows with their number."""
    one, many = (optimize(packed(users).data(), PLAIN).data for users in (1, 50))
    assert len(Document.read(many).binary) == len(Document.read(one).binary)
    assert check(many).triangles == 50 * check(one).triangles


@pytest.mark.timeout(30)
def test_many_extensions_are_taken_away_in_time() -> None:
    """Each without looking through all the others."""
    owners: list[Json] = [{"extensions": {DRACO: {}}} for _ in range(MANY)]
    document = read(one_mesh().data()).document
    draft = Draft.of(document, [Use(DRACO, owner["extensions"][DRACO]) for owner in owners], [])
    for owner in owners:
        draft.detach(owner, DRACO)
    assert not draft.uses


def test_draco_data_that_overlaps_is_not_sent_anywhere() -> None:
    """Views of the same bytes would each be a stream to decode."""
    builder = packed(30)
    primitives = builder.root["meshes"][0]["primitives"]
    views = builder.root["bufferViews"]
    for primitive in primitives:
        payload = primitive["extensions"][DRACO]
        views.append(dict(views[payload["bufferView"]]))
        payload["bufferView"] = len(views) - 1
    with pytest.raises(GlbError, match="Draco data overlaps"):
        optimize(builder.data(), PLAIN)


@pytest.mark.timeout(40)
def test_many_textures_of_many_images() -> None:
    """Each image knows its textures; nobody asks all textures for each image."""
    builder = shown_as("normalTexture", encoded(gradient(16, noise=60), "PNG"))
    image, texture = builder.root["images"][0], builder.root["textures"][0]
    count = 20_000
    builder.root["images"] = [dict(image) for _ in range(count)]
    builder.root["textures"] = [texture | {"source": number} for number in range(count)]
    builder.root["materials"] = [{"normalTexture": {"index": number}} for number in range(count)]
    optimize(builder.data(), Options(preset=Preset.WEB))


def test_a_picture_under_a_wrong_name_is_copied_once() -> None:
    """However many images show it."""
    builder = shown_as("normalTexture", encoded(gradient(16)), mime="image/jpeg")
    builder.root["images"] *= 3
    first, *others = (job.kept("") for job in plan(builder))
    assert first.data is not None
    assert all(other.data is first.data for other in others)


def test_pictures_that_overlap_are_counted() -> None:
    """Each would be read, hashed and unpacked for itself."""
    builder = shown_as("normalTexture", encoded(gradient(16)))
    place = builder.view(bytes(4 << 20))
    views = builder.root["bufferViews"]
    for number in range(100):
        begin = views[place]["byteOffset"] + 4 * number
        view = builder.add(
            "bufferViews", views[place] | {"byteOffset": begin, "byteLength": 4 << 20}
        )
        views[view]["byteLength"] -= 4 * number
        builder.add("images", {"bufferView": view, "mimeType": "image/png"})
    with pytest.raises(GlbError, match="images: describe 41"):
        optimize(builder.data())


@pytest.mark.timeout(40)
def test_indices_that_many_primitives_share_are_gone_through_once() -> None:
    """Also where each has another number of vertices."""
    builder = Builder()
    indices = builder.accessor(np.zeros((30 << 20, 1), np.uint8), bare=True)
    positions = builder.view(bytes(20_000))
    described = {"bufferView": positions, "componentType": 5121, "type": "SCALAR"}
    builder.mesh(
        *(
            {
                "attributes": {"POSITION": builder.add("accessors", described | {"count": count})},
                "indices": indices,
            }
            for count in range(1, 20_000)
        )
    )
    optimize(builder.data(), Options(preset=Preset.SAFE))


def same_vertices(primitives: int) -> Builder:
    """Each primitive is a mesh with another geometry, made of the same numbers."""
    builder = one_mesh()
    primitive = first_primitive(builder)
    same = primitive["attributes"]
    builder.root["meshes"] = [
        {"primitives": [primitive | {"attributes": same | {f"_{number}": same["TEXCOORD_0"]}}]}
        for number in range(primitives)
    ]
    return builder


def test_geometry_is_counted_over_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the limit it stays as it is, and the report says why."""
    monkeypatch.setattr("worker.glb.geometry.allowance.MAX_GEOMETRY_BYTES", 100_000)
    result = optimize(same_vertices(40).data())
    notes = [primitive.note for primitive in result.report.primitives]
    assert "more geometry" not in notes[0]
    assert "more geometry" in notes[-1]


HELD_BY_DRACO: Json = {"extensions": {DRACO: {"bufferView": 0, "attributes": {"POSITION": 0}}}}
MORPHED: Json = {"targets": [{}, {"POSITION": 0}]}


def beside_what_stays(why: Json, vertices: int, accessors: int, rows: int = 100) -> Builder:
    """A surface, and in its mesh 20,000 triangles that stay, over the same vertices far off."""
    builder = one_mesh(bumpy(rows))
    one = builder.indices(np.arange(3, dtype=np.uint32))
    far = builder.accessor(np.random.default_rng(1).random((vertices, 3)).astype(np.float32) + 5)
    same = [dict(builder.root["accessors"][far]) for _ in range(accessors)]
    builder.root["accessors"] += same
    builder.root["meshes"][0]["primitives"] += [
        {"attributes": {"POSITION": far + 1 + number % accessors}, "indices": one} | deepcopy(why)
        for number in range(20_000)
    ]
    return builder


@pytest.mark.timeout(40)
@pytest.mark.parametrize("why", [HELD_BY_DRACO, MORPHED])
def test_what_stays_is_compared_once(why: Json) -> None:
    """However many primitives show the same vertices."""
    builder = beside_what_stays(why, vertices=100_000, accessors=1)
    assert optimize(builder.data()).report.primitives[0].encoding == "draco"


@pytest.mark.timeout(40)
@pytest.mark.parametrize("why", [HELD_BY_DRACO, MORPHED])
def test_what_stays_is_counted_where_it_is_compared(why: Json) -> None:
    """Any number of accessors may mean the same vertices."""
    builder = beside_what_stays(why, vertices=100_000, accessors=20_000)
    assert "more geometry" in optimize(builder.data()).report.primitives[0].note


@pytest.mark.timeout(40)
def test_a_surface_is_compared_with_all_that_stays_at_once() -> None:
    """It is not put in order again for each triangle beside it."""
    builder = beside_what_stays(MORPHED, vertices=3, accessors=20_000, rows=300)
    assert optimize(builder.data()).report.primitives[0].encoding == "draco"


def book(pages: int) -> Surface:
    """So many triangles that share one edge."""
    around = np.linspace(0, 6, pages)
    ends = np.stack([np.cos(around), np.sin(around), np.full(pages, 0.5)], axis=1)
    positions = np.vstack([[[0, 0, 0], [0, 0, 1]], ends]).astype(np.float32)
    page = np.arange(pages)
    faces = np.stack([0 * page, 0 * page + 1, 2 + page], axis=1).astype(np.uint32)
    return Surface(positions, positions, positions[:, :2], faces)


def cone(sides: int) -> Surface:
    around = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    rim = np.stack([np.cos(around), np.sin(around), 0 * around], axis=1)
    positions = np.vstack([[[0, 0, 1]], rim]).astype(np.float32)
    side = np.arange(sides)
    faces = np.stack([0 * side, 1 + side, 1 + (side + 1) % sides], axis=1).astype(np.uint32)
    return Surface(positions, positions, positions[:, :2], faces)


def split_at_the_corners(surface: Surface) -> Surface:
    """Each triangle has vertices of its own, of which no two are the same."""
    corners = surface.faces.ravel()
    numbers = np.arange(len(corners), dtype=np.uint32)
    uvs = (np.stack([numbers, numbers % 7], axis=1) / len(numbers)).astype(np.float32)
    positions = surface.positions[corners]
    return Surface(positions, positions, uvs, numbers.reshape(-1, 3))


@pytest.mark.timeout(40)
@pytest.mark.parametrize(
    "surface", [book(200_000), split_at_the_corners(book(50_000)), cone(200_000)]
)
def test_triangles_that_all_meet_in_one_place_are_left_alone(surface: Surface) -> None:
    """Draco would be busy for minutes, and could not be stopped."""
    builder = Builder()
    attributes = {"POSITION": surface.positions, "TEXCOORD_0": surface.uvs}
    builder.mesh(builder.primitive(attributes, surface.faces))
    (primitive,) = optimize(builder.data()).report.primitives
    assert "meet in one place" in primitive.note


@pytest.mark.parametrize("surface", [cone(10_000), bumpy(180)])
def test_a_cone_and_a_fine_surface_are_not_crowded(surface: Surface) -> None:
    """However many triangles there are, as long as few of them meet, or not too many."""
    builder = Builder()
    builder.mesh(builder.primitive({"POSITION": surface.positions}, surface.faces))
    (primitive,) = optimize(builder.data()).report.primitives
    assert primitive.encoding == "draco"


def test_crowds_are_counted_over_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many that are each just small enough are too much together."""
    monkeypatch.setattr("worker.glb.geometry.allowance.MAX_GEOMETRY_BYTES", 5_000_000)
    surface = cone(9_000)
    builder = Builder()
    for number in range(2):
        attributes = {"POSITION": surface.positions, f"_{number}": surface.positions[:, :1]}
        builder.mesh(builder.primitive(attributes, surface.faces))
    notes = [primitive.note for primitive in optimize(builder.data()).report.primitives]
    assert ["more geometry" in note for note in notes] == [False, True]


def test_a_look_has_its_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that it did not look at everything."""
    monkeypatch.setattr("worker.glb.geometry.allowance.MAX_GEOMETRY_BYTES", 100_000)
    codes = {finding.code for finding in check(same_vertices(40).data()).findings}
    assert "too-much-geometry" in codes


def test_a_jpeg_of_nothing_but_segments_has_no_size() -> None:
    """Its header is not looked for without end."""
    picture = b"\xff\xd8" + b"\xff\xe1\0\2" * 20_000 + b"\xff\xc0\0\x0b\x08\0\x10\0\x10"
    (job,) = plan(shown_as("emissiveTexture", picture, mime="image/jpeg"), "web")
    assert "header can't be read" in job.run().report.note


def test_who_gives_up_does_not_wait_for_what_has_not_begun() -> None:
    """An interrupt waits for the picture under way, not for all the others."""
    release = Event()
    queued: list[Future[None]] = []

    def interrupted(pool: Executor) -> None:
        pool.submit(release.wait)
        queued.append(pool.submit(lambda: None))
        queued[0].add_done_callback(lambda _: release.set())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), workers(1) as pool:
        interrupted(pool)
    assert queued[0].cancelled()
