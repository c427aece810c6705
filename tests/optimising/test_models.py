"""What becomes of a model whose process lives."""

import json
from pathlib import Path

import pytest

from tests.optimising import models
from worker.glb import check
from worker.optimising import Code, Optimised, Optimisers, Unoptimised, Unsound
from worker.simulator.models import make_model


async def optimise(folder: Path, data: bytes, preset: str = "balanced") -> object:
    """The folder holds nothing else afterwards: no part of a file is left behind."""
    optimisers = Optimisers(1)
    source = models.put(folder, data)
    outcome = await optimisers.optimise(source, folder / "target.glb", preset)
    left = {"source.glb", "target.glb"} if isinstance(outcome, Optimised) else {"source.glb"}
    assert models.names_in(folder) == left
    return outcome


@pytest.mark.parametrize("preset", ["safe", "balanced", "web", "small", "plain"])
async def test_a_model_comes_out_whole_and_no_larger(tmp_path: Path, preset: str) -> None:
    """Every preset writes a target that the checks accept, and reports its true size."""
    data = make_model("katana", 3000, True, True).file("glb")  # noqa: FBT003 - textured, PBR
    outcome = await optimise(tmp_path, data, preset)
    assert isinstance(outcome, Optimised)
    written = (tmp_path / "target.glb").read_bytes()
    assert outcome.report["bytes_after"] == len(written) <= len(data)
    assert outcome.report["triangles"] == check(written).triangles
    assert outcome.report["triangles_before"] == check(data).triangles


async def test_what_was_left_alone_is_told_with_the_reason(tmp_path: Path) -> None:
    """The report names each piece that stayed as it was, and why."""
    outcome = await optimise(tmp_path, models.small(), "safe")
    assert isinstance(outcome, Optimised)
    assert outcome.report["left_alone"]
    assert (tmp_path / "target.glb").read_bytes() == models.small()


async def test_a_report_is_short_however_many_pieces_there_are(tmp_path: Path) -> None:
    """A file of a thousand meshes does not fill the job's row with a thousand lines."""
    outcome = await optimise(tmp_path, models.of_many_meshes(1000), "safe")
    assert isinstance(outcome, Optimised)
    assert len(json.dumps(outcome.report)) < 10_000


async def test_a_report_holds_letters_of_every_script(tmp_path: Path) -> None:
    """Names of many bytes a letter, as long as they may be, leave room for the rest of it."""
    outcome = await optimise(tmp_path, models.named_at_length("\U0001f600" * 200, pieces=20))
    assert isinstance(outcome, Optimised)
    assert len(outcome.report["left_alone"]) == 20
    assert "\U0001f600" * 100 in outcome.report["left_alone"][0]


@pytest.mark.parametrize("letter", ["X", "\U0001f600", "\x01"])
async def test_what_is_unsound_is_so_however_long_it_is_quoted(tmp_path: Path, letter: str) -> None:
    """A finding quotes the file, of which only a little is said: the verdict always comes."""
    outcome = await optimise(tmp_path, data := models.of_type(letter * 70_000))
    assert isinstance(outcome, Unsound)
    assert outcome.findings[0].startswith("accessor 4: type is ")
    assert await Optimisers(1).check([(models.put(tmp_path, data), "glb")]) == (outcome,)


@pytest.mark.parametrize(
    ("data", "finding"),
    [
        (b"", "it is empty"),
        (b"\n <!DOCTYPE html><html><body>Not Found</body></html>", "it is an HTML page"),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "it is an XML document"),
        (b'{"message": "expired"}', "it is a JSON document"),
        (models.small()[:-100], "truncated"),
        (models.small()[:2000], "truncated"),
        (models.small()[:5], "truncated"),
        (models.small().replace(b"glTF", b"glTG", 1), "this is no GLB file"),
        (models.without_meshes(), "it has no triangle"),
        (models.without_triangles(), "it has no triangle"),
    ],
)
async def test_what_is_no_model_is_unsound(tmp_path: Path, data: bytes, finding: str) -> None:
    """Error pages, cut-off files and files that show nothing are named, and nothing is written."""
    outcome = await optimise(tmp_path, data)
    assert isinstance(outcome, Unsound)
    assert finding in outcome.findings[0]


async def test_what_the_optimiser_refuses_is_delivered_as_it_was(tmp_path: Path) -> None:
    """A model that passed the checks is not unsound because one preset can't work on it."""
    outcome = await optimise(tmp_path, models.with_undecodable_draco(), "plain")
    assert isinstance(outcome, Unoptimised)
    assert outcome.code is Code.REFUSED
    assert "Draco" in outcome.why
    assert outcome.checked


async def test_a_preset_that_does_not_exist_is_an_error_of_the_caller(tmp_path: Path) -> None:
    """It is refused before a process is started."""
    with pytest.raises(ValueError, match="tiny"):
        await Optimisers(1).optimise(tmp_path / "source.glb", tmp_path / "target.glb", "tiny")
