from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.glb.conformance.browser import Browser
from tests.glb.conformance.samples import VARIABLE, samples
from tests.glb.conformance.scenes import SCENES
from worker.glb import Options, Preset, optimize

ALIKE = 50.0  # decibels: a difference of one step of 256 in most pixels already costs two
LOSSY = 30.0
TIMEOUT = 300  # the renderer has no graphics card, and the machine other work

pytestmark = pytest.mark.timeout(TIMEOUT)
SHOWN = {Preset.BALANCED: ALIKE, Preset.SMALL: LOSSY, Preset.PLAIN: ALIKE}
# Its normals have no direction, so that every renderer makes something of its own of them.
UNDEFINED = "without_normals"


def test_three_loads_and_shows_the_same(browser: Browser, tmp_path: Path) -> None:
    """A browser shows every output as it shows its source: one browser for all, it is slow."""
    assert [fault for scene in SCENES for fault in faults(browser, scene, tmp_path)] == []


def faults(browser: Browser, scene: str, folder: Path) -> Iterator[str]:
    source = folder / f"{scene}.glb"
    source.write_bytes(SCENES[scene]())
    verdict = browser.compare(source, [optimized(source, preset) for preset in SHOWN])
    if verdict.source is not None:
        yield f"{scene}: {verdict.source}"
    for (preset, bound), shown in zip(SHOWN.items(), verdict.outputs, strict=True):
        alike = shown.decibels >= bound or scene == UNDEFINED
        if shown.problem or not alike:
            yield f"{scene} {preset}: {shown}"


@pytest.mark.skipif(not samples(), reason=f"{VARIABLE} names no folder of samples")
@pytest.mark.parametrize("sample", samples(), ids=lambda path: path.stem)
def test_three_loads_what_it_loaded_before(browser: Browser, tmp_path: Path, sample: Path) -> None:
    """Whatever a browser could load, it can load when it is smaller."""
    output = tmp_path / sample.name
    output.write_bytes(optimize(sample.read_bytes(), Options()).data)
    verdict = browser.compare(sample, [output])
    if verdict.source is not None:
        pytest.skip(f"three.js can't load the source: {verdict.source}")
    assert verdict.outputs[0].problem is None


def optimized(source: Path, preset: Preset) -> Path:
    output = source.with_suffix(f".{preset}.glb")
    output.write_bytes(optimize(source.read_bytes(), Options(preset=preset)).data)
    return output
