import json
from pathlib import Path

import pytest

from tests.cli.commands import meshqueue
from tests.glb.build import bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, shown_as
from worker.glb import check

MODEL = one_mesh(bumpy(40)).data()
BROKEN = MODEL[:1000]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.glb"
    path.write_bytes(MODEL)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models, one of them in a folder below, and something else."""
    inside = tmp_path / "models" / "props"
    inside.mkdir(parents=True)
    (tmp_path / "models" / "a.glb").write_bytes(MODEL)
    (inside / "B.GLB").write_bytes(MODEL)
    (inside / "notes.txt").write_text("not a model")
    return tmp_path / "models"


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_it_writes_a_smaller_file(model: Path) -> None:
    """Readable, with all triangles, and the input untouched."""
    answer = meshqueue("optimize", model, "small.glb", folder=model.parent)
    assert answer.returncode == 0, answer.stderr
    written = (model.parent / "small.glb").read_bytes()
    assert len(written) < len(MODEL) / 2
    assert check(written).triangles == check(MODEL).triangles
    assert model.read_bytes() == MODEL


def test_without_out_it_writes_beside_the_input(model: Path) -> None:
    """Under a name that says what it is."""
    meshqueue("optimize", model, folder=model.parent)
    assert files_below(model.parent) == ["model.glb", "model.optimized.glb"]


def test_out_may_be_a_folder(model: Path) -> None:
    """The file keeps its name in it."""
    (model.parent / "out").mkdir()
    meshqueue("optimize", model, "out", folder=model.parent)
    assert files_below(model.parent / "out") == ["model.glb"]


def test_the_report_tells_of_each_piece(tmp_path: Path) -> None:
    """Primitives and textures before and after, totals, time and memory."""
    data = shown_as("normalTexture", encoded(gradient(128))).data()
    (tmp_path / "model.glb").write_bytes(data)
    answer = meshqueue("optimize", "model.glb", "--preset", "web", folder=tmp_path)
    told = answer.stdout.decode()
    assert "mesh 0 primitive 0" in told
    assert "image 0 (normal)" in told
    assert "png → webp, 128 x 128, quality 80" in told
    assert "peak memory" in told
    assert "1 file: " in told


def test_the_report_as_json(model: Path) -> None:
    """The same for programs."""
    answer = meshqueue("optimize", model, "--report", "json", folder=model.parent)
    told = json.loads(answer.stdout)
    assert told["files"][0]["primitives"][0]["encoding"] == "draco"
    assert told["bytes_before"] == len(MODEL)
    assert told["bytes_after"] == (model.parent / "model.optimized.glb").stat().st_size
    assert told["peak_memory_bytes"] > 1_000_000


def test_no_report(model: Path) -> None:
    """--report none is quiet."""
    answer = meshqueue("optimize", model, "--report", "none", folder=model.parent)
    assert answer.stdout == b""


def test_a_pipe_in_and_out(tmp_path: Path) -> None:
    """- reads and writes the file itself; the report goes to the other stream."""
    answer = meshqueue("optimize", "-", "-", folder=tmp_path, stdin=MODEL)
    assert check(answer.stdout).triangles == check(MODEL).triangles
    assert answer.stderr.startswith("standard input → standard output".encode())


def test_a_pipe_is_the_out_of_a_pipe(tmp_path: Path) -> None:
    """Without OUT there is no other place."""
    answer = meshqueue("optimize", "-", "--report", "none", folder=tmp_path, stdin=MODEL)
    assert answer.stdout.startswith(b"glTF")


def test_a_folder_becomes_a_folder(folder: Path) -> None:
    """All models in it and below, and nothing else."""
    answer = meshqueue("optimize", folder, "out", folder=folder.parent)
    assert answer.returncode == 0
    assert files_below(folder.parent / "out") == ["a.glb", "props/B.GLB"]
    assert "2 files: " in answer.stdout.decode()


def test_a_folder_that_holds_its_own_output(folder: Path) -> None:
    """A second run does not take the first one's results for inputs."""
    for _ in range(2):
        meshqueue("optimize", folder, folder / "out", folder=folder.parent)
    assert files_below(folder / "out") == ["a.glb", "props/B.GLB"]


def test_the_input_is_not_overwritten_by_accident(model: Path) -> None:
    """Under no spelling of its name."""
    answer = meshqueue("optimize", model, "./../" + model.parent.name, folder=model.parent)
    assert answer.returncode == 2
    assert b"OUT is IN" in answer.stderr
    assert model.read_bytes() == MODEL


def test_in_place_replaces_the_input(folder: Path) -> None:
    """When asked for, of a folder as of a file."""
    meshqueue("optimize", folder, "--in-place", folder=folder.parent)
    assert files_below(folder) == ["a.glb", "props/B.GLB", "props/notes.txt"]
    assert (folder / "a.glb").stat().st_size < len(MODEL) / 2


def test_a_file_that_cannot_become_smaller_is_written_as_it_was(model: Path) -> None:
    """Byte for byte."""
    meshqueue("optimize", model, "once.glb", folder=model.parent)
    answer = meshqueue("optimize", "once.glb", "twice.glb", folder=model.parent)
    once, twice = (model.parent / name for name in ("once.glb", "twice.glb"))
    assert twice.read_bytes() == once.read_bytes()
    assert "left as it is" in answer.stdout.decode()


def test_an_error_names_file_and_place_and_writes_nothing(model: Path) -> None:
    """Exit code 2, no traceback, no output."""
    model.write_bytes(BROKEN)
    answer = meshqueue("optimize", model, "out/model.glb", folder=model.parent)
    assert answer.returncode == 2
    assert answer.stderr.decode() == (
        f"error: {model}: header: says {len(MODEL)} bytes where there are 1000: "
        "the file is truncated\n"
    )
    assert files_below(model.parent) == ["model.glb"]


def test_it_stops_at_the_first_failure(folder: Path) -> None:
    """What was done before it is kept."""
    (folder / "b.glb").write_bytes(BROKEN)
    answer = meshqueue("optimize", folder, "out", folder=folder.parent)
    assert answer.returncode == 2
    assert files_below(folder.parent / "out") == ["a.glb"]


def test_a_failure_is_told_in_json_too(folder: Path) -> None:
    """Programs read what was done before it, and the error; the exit code is 2."""
    (folder / "b.glb").write_bytes(BROKEN)
    answer = meshqueue("optimize", folder, "out", "--report", "json", folder=folder.parent)
    assert answer.returncode == 2
    told = json.loads(answer.stdout)
    assert told["files"][0]["bytes_after"] < len(MODEL)
    assert "truncated" in told["files"][1]["error"]
    assert told["failed"] == 1


def test_in_place_leaves_a_protected_file_alone(model: Path) -> None:
    """The error comes before the work, and says what to do."""
    model.chmod(0o440)
    answer = meshqueue("optimize", model, "--in-place", folder=model.parent)
    assert answer.returncode == 2
    assert b"model.glb: is write-protected. Lift that" in answer.stderr
    assert model.read_bytes() == MODEL


def test_in_place_does_not_touch_what_cannot_become_smaller(model: Path) -> None:
    """Backups and synchronisers see no change."""
    for _ in range(2):
        meshqueue("optimize", model, "--in-place", folder=model.parent)
        seen = model.stat().st_mtime_ns, model.stat().st_ino
    meshqueue("optimize", model, "--in-place", folder=model.parent)
    assert (model.stat().st_mtime_ns, model.stat().st_ino) == seen


def test_keep_going_does_the_others(folder: Path) -> None:
    """Exit code 1, every failure named."""
    (folder / "a.glb").write_bytes(BROKEN)
    answer = meshqueue("optimize", folder, "out", "--keep-going", folder=folder.parent)
    assert answer.returncode == 1
    assert files_below(folder.parent / "out") == ["props/B.GLB"]
    assert b"a.glb: header: " in answer.stderr
    assert "2 files, 1 failed" in answer.stdout.decode()


def test_keep_going_tells_of_failures_in_json(folder: Path) -> None:
    """In the place of that file's report."""
    (folder / "a.glb").write_bytes(BROKEN)
    answer = meshqueue(
        "optimize", folder, "out", "--keep-going", "--report", "json", folder=folder.parent
    )
    told = json.loads(answer.stdout)
    assert told["failed"] == 1
    assert "truncated" in told["files"][0]["error"]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nowhere.glb"], "nowhere.glb: there is no such file or folder."),
        (["empty"], "there is no .glb file in this folder or below it."),
        (["model.glb", "out.glb", "--in-place"], "give it a file or folder, and no OUT."),
        (["-", "--in-place"], "give it a file or folder, and no OUT."),
        (["empty", "-"], "a folder can't be written to standard output"),
        (["empty", "model.glb"], "model.glb: OUT must be a folder, as IN is one."),
        (["model.glb", "model.glb/x.glb"], "can't be written"),
        (["model.glb", "--no-extension", "KHR_nonsense"], "invalid choice: 'KHR_nonsense'"),
        (["model.glb", "--uv-bits", "40"], "40 is not from 1 to 30"),
        (["model.glb", "--position-bits", "21"], "21 is not from 1 to 20"),
        (["model.glb", "--max-texture", "0"], "0 is no number of pixels"),
        (["model.glb", "--preset", "tiny"], "invalid Preset value: 'tiny'"),
        ([], "the following arguments are required: IN"),
    ],
)
def test_what_was_asked_wrongly_is_said(model: Path, arguments: list[str], text: str) -> None:
    """With exit code 2, and what to do instead."""
    (model.parent / "empty").mkdir()
    answer = meshqueue("optimize", *arguments, folder=model.parent)
    assert answer.returncode == 2
    assert text in " ".join(answer.stderr.decode().split())


def test_the_help_lists_the_quick_commands(tmp_path: Path) -> None:
    """Though they are not parsed by what prints it."""
    listed = meshqueue("--help", folder=tmp_path).stdout.decode()
    assert "Make GLB files smaller without losing a triangle." in listed
    assert "Say what is in a GLB file" in listed
    assert b"--max-texture" in meshqueue("optimize", "--help", folder=tmp_path).stdout


def test_geometry_and_textures_can_be_left_alone(tmp_path: Path) -> None:
    """Each by itself, and bits are what was asked for."""
    data = shown_as("emissiveTexture", encoded(gradient(128))).data()
    (tmp_path / "model.glb").write_bytes(data)
    answer = meshqueue("optimize", "model.glb", "1.glb", "--no-geometry", folder=tmp_path)
    assert "draco" not in answer.stdout.decode()
    (tmp_path / "mesh.glb").write_bytes(MODEL)
    wanted = ("--no-textures", "--position-bits", "9", "--report", "json")
    answer = meshqueue("optimize", "mesh.glb", "2.glb", *wanted, folder=tmp_path)
    (told,) = json.loads(answer.stdout)["files"]
    assert told["primitives"][0]["position_bits"] == 9
    assert told["textures"] == []


def test_options_reach_the_optimiser(tmp_path: Path) -> None:
    """--max-texture and --no-extension are obeyed."""
    data = shown_as("emissiveTexture", encoded(gradient(128))).data()
    (tmp_path / "model.glb").write_bytes(data)
    wanted = ("--max-texture", "32", "--no-extension", "EXT_texture_webp")
    answer = meshqueue("optimize", "model.glb", "out.glb", *wanted, folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    findings = check((tmp_path / "out.glb").read_bytes())
    assert [(facts.mime, facts.size) for facts in findings.textures] == [("image/png", (32, 32))]
    assert "EXT_texture_webp" not in findings.extensions_used
