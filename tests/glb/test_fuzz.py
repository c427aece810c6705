import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated
from tests.fuzz.ordeal import survive
from tests.fuzz.seeds import seeds
from worker.glb import Preset

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=SLOW)
@given(st.sampled_from(sorted(seeds())), st.sampled_from(Preset), st.integers(0, 2**48))
def test_a_hostile_file_is_refused_or_survived(name: str, preset: Preset, seed: int) -> None:
    """Broken in any way, a file is refused with the place, or comes out readable and no larger."""
    survive(mutated(seeds()[name], random.Random(seed)), preset)  # noqa: S311 - not for secrets


@pytest.mark.parametrize("name", ["skinned", "packed skinned"])
def test_every_beginning_of_a_file_is_refused(name: str) -> None:
    """A download that broke off is never taken for a model, wherever it broke off."""
    data = seeds()[name]
    for length in [*range(64), *range(64, len(data), max(len(data) // 60, 1))]:
        assert survive(data[:length], Preset.BALANCED) is None
