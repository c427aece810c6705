from pathlib import Path

import pytest

from tests.glb.conformance.comparison import compare
from tests.glb.conformance.decoded import UndecodableError
from tests.glb.conformance.judges import Judges
from tests.glb.conformance.promise import Bounds, broken, new_errors
from tests.glb.conformance.samples import VARIABLE, samples
from tests.glb.conformance.scenes import SCENES
from worker.glb import Options, Preset, optimize

BOUNDS = {Preset.SMALL: Bounds(normal=1.0, texels=1.0)}


def judge(judges: Judges, source: Path, folder: Path, preset: Preset) -> None:
    """The validator finds nothing new, and the decoder finds everything where it was."""
    data = source.read_bytes()
    made = optimize(data, Options(preset=preset)).data
    output = folder / f"{preset}.glb"
    output.write_bytes(made)
    if made == data:
        return
    before, after = judges.errors([source, output])
    assert new_errors(before, after) == []
    original, decoded = judges.decode([source, output])
    difference = compare(original, decoded)
    assert list(broken(original, difference, BOUNDS.get(preset, Bounds()))) == []


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("scene", SCENES)
def test_nothing_is_lost(judges: Judges, tmp_path: Path, scene: str, preset: Preset) -> None:
    """Whatever the preset, an independent decoder finds every triangle within its bounds."""
    source = tmp_path / "source.glb"
    source.write_bytes(SCENES[scene]())
    judge(judges, source, tmp_path, preset)


@pytest.mark.parametrize("scene", [name for name in SCENES if name != "morphed"])
def test_it_does_get_smaller(scene: str) -> None:
    """The promises above are not kept by leaving everything as it was."""
    data = SCENES[scene]()
    assert len(optimize(data, Options(preset=Preset.BALANCED)).data) < 0.8 * len(data)


def test_compression_can_be_undone(judges: Judges, tmp_path: Path) -> None:
    """What was packed once comes out plain, with the triangles of the packed file."""
    packed = tmp_path / "packed.glb"
    packed.write_bytes(optimize(SCENES["provider"](), Options(preset=Preset.WEB)).data)
    judge(judges, packed, tmp_path, Preset.PLAIN)


@pytest.mark.skipif(not samples(), reason=f"{VARIABLE} names no folder of samples")
@pytest.mark.parametrize("preset", [Preset.BALANCED, Preset.PLAIN])
@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_samples_keep_everything(
    judges: Judges, tmp_path: Path, sample: Path, preset: Preset
) -> None:
    """Files of every kind from the wild: none comes out worse than it went in."""
    try:
        judge(judges, sample, tmp_path, preset)
    except UndecodableError as error:
        pytest.skip(f"the decoder can't read it: {error}")
