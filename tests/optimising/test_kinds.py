"""Whether a file is what it claims to be."""

import zipfile
from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest

from tests.optimising import models
from worker.optimising import Code, Optimisers, Sound, Unchecked, Unsound, Verdict
from worker.optimising.kinds import check_file
from worker.simulator.models import Model, make_model

FORMATS = ("glb", "obj", "mtl", "fbx", "stl", "usdz", "3mf")
PICTURES = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "webp": "WEBP"}
CUT_OFF_SHOWS = ("glb", "fbx", "stl", "usdz", "3mf")
PAGES = {
    "it is empty": b"",
    "it is an HTML page": b"\xef\xbb\xbf\r\n<HTML lang=en><title>Error</title>",
    "it is an XML document": b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    "it is a JSON document": b' {"error": "the link has expired"}',
}
TEXT_STL = b"solid a\nfacet normal 0 0 1\nouter loop\n" + b"vertex 0 0 0\n" * 3 + b"endloop\n"
TEXT_OBJ = b"# made by hand\r\nv 0 0 0\r\nv 1 0 0\r\nv 0 1 0\r\nf 1 2 3\r\n"
FBX_HEAD = b"Kaydara FBX Binary  \x00\x1a\x00"


@cache
def model() -> Model:
    return make_model("katana", 1000, True, True)  # noqa: FBT003 - textured, PBR


def checked(folder: Path, data: bytes, kind: str) -> dict[str, object]:
    return check_file(str(models.put(folder, data, "file")), kind)


def archive(files: Mapping[str, bytes], packing: int = zipfile.ZIP_STORED) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", packing) as made:
        for name, data in files.items():
            made.writestr(name, data)
    return file.getvalue()


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_that_is_made_is_sound(tmp_path: Path, kind: str) -> None:
    """A check that refuses good files loses what was paid for."""
    assert "sound" in checked(tmp_path, model().file(kind), kind)


@pytest.mark.parametrize("kind", CUT_OFF_SHOWS)
@pytest.mark.parametrize("part", [0.3, 0.999])
def test_a_truncated_file_is_unsound(tmp_path: Path, kind: str, part: float) -> None:
    """Where a format says how long it is, a missing end is seen."""
    whole = model().file(kind)
    assert "unsound" in checked(tmp_path, whole[: int(len(whole) * part)], kind)


@pytest.mark.parametrize("kind", [*FORMATS, *PICTURES, "blend"])
@pytest.mark.parametrize("finding", PAGES)
def test_what_a_server_says_instead_of_a_file_is_named(
    tmp_path: Path, kind: str, finding: str
) -> None:
    """Whoever reads the job's events learns that the link gave an error page."""
    assert checked(tmp_path, PAGES[finding], kind) == {"unsound": (finding,)}


@pytest.mark.parametrize("kind", [*FORMATS, *PICTURES, "blend"])
def test_bytes_at_random_are_nothing(tmp_path: Path, kind: str) -> None:
    """No check takes what merely is there."""
    assert "unsound" in checked(tmp_path, bytes(range(1, 256)) * 40, kind)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("stl", TEXT_STL + b"endfacet\nendsolid a\n"),
        ("obj", TEXT_OBJ),
        ("obj", b"v 0 0 0\n" * 300_000 + b"f 1 2 3\n"),
        ("fbx", b"; FBX 7.3.0 project file\n"),
        ("fbx", FBX_HEAD + (7400).to_bytes(4, "little") + bytes(13)),
        ("fbx", FBX_HEAD + (7500).to_bytes(4, "little") + bytes(25)),
        ("usdz", archive({"scene.USDC": b"PXR-USDC"})),
        ("3mf", archive({"3D/Model.model": b"<model/>"}, zipfile.ZIP_DEFLATED)),
        ("blend", b"BLENDER-v402"),
        ("blend", b"\x28\xb5\x2f\xfd packed"),
        ("step", b"ISO-10303-21;"),
    ],
)
def test_other_ways_to_write_a_format_are_sound(tmp_path: Path, kind: str, data: bytes) -> None:
    """Text or binary, old or new, packed or not, as the format allows."""
    assert "sound" in checked(tmp_path, data, kind)


@pytest.mark.parametrize(
    ("kind", "data", "finding"),
    [
        ("stl", TEXT_STL, "truncated"),
        ("obj", b"v 0 0 0\n", "no face"),
        ("obj", b"f 1 2 3\n", "no vertex"),
        ("fbx", FBX_HEAD + (7400).to_bytes(4, "little") + b"\xff" * 40, "truncated"),
        ("fbx", FBX_HEAD, "no FBX"),
        ("usdz", archive({"picture.png": b"", "scene.usda": b""}), "begin with a USD layer"),
        ("usdz", archive({"scene.usda": b"#usda"}, zipfile.ZIP_DEFLATED), "compressed"),
        ("usdz", archive({}), "nothing in it"),
        ("3mf", archive({"readme.txt": b""}), "no model"),
        ("png", models.picture("PNG")[:-60], "can't be decoded"),
        ("jpg", models.picture("JPEG")[:-60], "can't be decoded"),
        ("webp", models.picture("WEBP")[:-60], "can't be decoded"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, kind: str, data: bytes, finding: str) -> None:
    """The finding says what the file lacks."""
    found = checked(tmp_path, data, kind)
    assert finding in str(found["unsound"])


@pytest.mark.parametrize("kind", PICTURES)
def test_a_picture_is_decoded_and_measured(tmp_path: Path, kind: str) -> None:
    """Its true format is told, also where its name says another."""
    facts = {"width": 64, "height": 64, "content_type": f"image/{PICTURES[kind].lower()}"}
    data = models.picture(PICTURES[kind])
    assert checked(tmp_path, data, kind) == {"sound": facts}
    assert checked(tmp_path, data, "png") == {"sound": facts}


def test_a_picture_too_large_is_not_decoded(tmp_path: Path) -> None:
    """A header that claims a hundred thousand pixels a side is refused by its header."""
    data = bytearray(models.picture("PNG"))
    data[16:24] = (100_000).to_bytes(4) * 2
    assert "100000 x 100000 pixels" in str(checked(tmp_path, bytes(data), "png"))


async def test_one_process_checks_all_files_of_a_delivery(tmp_path: Path) -> None:
    """The verdicts come in the order of the files."""
    files = [
        (models.put(tmp_path, models.small(), "model.glb"), "glb"),
        (models.put(tmp_path, PAGES["it is an HTML page"], "model.fbx"), "fbx"),
        (models.put(tmp_path, models.picture("PNG", 32), "base.png"), "png"),
    ]
    verdicts = await Optimisers(1).check(files)
    assert verdicts == (
        Sound({"triangles": 2 * 23**2}),
        Unsound(("it is an HTML page",)),
        Sound({"width": 32, "height": 32, "content_type": "image/png"}),
    )


async def test_a_check_that_fails_blames_one_file(tmp_path: Path) -> None:
    """A picture that does not fit into the memory is unchecked; those around it are not."""
    files = [
        (models.put(tmp_path, models.picture("PNG", 32), "small.png"), "png"),
        (models.put(tmp_path, models.blank(8000), "large.png"), "png"),
        (models.put(tmp_path, models.picture("PNG", 32), "last.png"), "png"),
    ]
    verdicts: tuple[Verdict, ...] = await Optimisers(1, memory_bytes=150 << 20).check(files)
    unchecked = Unchecked(Code.OUT_OF_MEMORY, "it needed more than 150 MiB")
    assert verdicts[1] == unchecked
    assert verdicts[0] == verdicts[2]
    assert isinstance(verdicts[0], Sound)


async def test_nothing_to_check(tmp_path: Path) -> None:
    """No file needs no process."""
    del tmp_path
    assert await Optimisers(1).check([]) == ()
