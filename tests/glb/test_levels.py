"""Which of Draco's levels is chosen."""

import numpy as np
import pytest

from tests.glb.build import Array, bumpy, one_mesh
from tests.glb.test_draco import with_attributes
from worker.glb import Options, Preset
from worker.glb.geometry.families import by_mesh
from worker.glb.geometry.groups import find_groups
from worker.glb.geometry.levels import FOR_WIDE, level_for
from worker.glb.geometry.prepare import Refused, prepare_family
from worker.glb.geometry.stretch import Stretches
from worker.glb.geometry.texels import Texels
from worker.glb.optimize import read


def is_for_wide(values: Array, options: Options) -> bool:
    document = read(with_attributes(bumpy(), _ID=values).data()).document
    (family,) = by_mesh(find_groups(document))
    prepared = prepare_family(document, family, options, Texels(document, {}), Stretches(document))
    assert not isinstance(prepared, Refused)
    return level_for(prepared[0].work, options) == FOR_WIDE


@pytest.mark.parametrize(
    ("largest", "bits", "wide"),
    [
        (1 << 18, 14, False),
        ((1 << 18) + 1, 14, True),
        ((1 << 32) - 1, 14, True),
        (0, 18, False),
        (0, 19, True),
    ],
)
def test_wide_integers_never_meet_the_levels_that_count_them(
    largest: int, bits: int, *, wide: bool
) -> None:
    """Memory there grows with the largest number, not with how many there are."""
    values = np.zeros((576, 1), np.uint32)
    values[7] = largest
    assert is_for_wide(values, Options(position_bits=bits)) is wide


@pytest.mark.parametrize(
    ("preset", "level"), [(Preset.BALANCED, 8), (Preset.WEB, 9), (Preset.SMALL, 10)]
)
def test_the_larger_a_mesh_the_less_patience(
    monkeypatch: pytest.MonkeyPatch, preset: Preset, level: int
) -> None:
    """But for those who asked for small files. That this mesh is a grid is not looked at."""
    monkeypatch.setattr("worker.glb.geometry.levels.LARGE", 500)
    monkeypatch.setattr("worker.glb.geometry.levels.VAST", 1000)
    monkeypatch.setattr("worker.glb.geometry.levels.CLEARLY", 0.0)
    document = read(one_mesh(bumpy()).data()).document
    (family,) = by_mesh(find_groups(document))
    prepared = prepare_family(
        document, family, Options(), Texels(document, {}), Stretches(document)
    )
    assert not isinstance(prepared, Refused)
    assert level_for(prepared[0].work, Options(preset=preset)) == level
