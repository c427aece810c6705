import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutation import mutated, put_together, taken_apart
from tests.fuzz.ordeal import survive
from tests.fuzz.seeds import seeds
from worker.glb import Preset

Json = dict[str, Any]
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


def extensions_that_are_no_object(root: Json) -> None:
    first_primitive(root)["extensions"] = 3


def normals_with_two_components(root: Json) -> None:
    attributes = first_primitive(root)["attributes"]
    attributes["NORMAL"] = attributes["TEXCOORD_0"]


def normals_with_four_components(root: Json) -> None:
    attributes = first_primitive(root)["attributes"]
    attributes["NORMAL"] = attributes["WEIGHTS_0"]


def variants_in_too_many_brackets(root: Json) -> None:
    mappings = [[{"material": 0, "variants": [0]}]]
    first_primitive(root)["extensions"] = {"KHR_materials_variants": {"mappings": mappings}}
    root["materials"] = [{}]


FINDS = (
    extensions_that_are_no_object,
    normals_with_two_components,
    normals_with_four_components,
    variants_in_too_many_brackets,
)


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("find", FINDS)
def test_what_was_found_once_stays_mended(find: Callable[[Json], None], preset: Preset) -> None:
    """A file that once brought an exception of another kind is met as any other."""
    parts = taken_apart(seeds()["skinned"])
    assert parts is not None
    root, binary = parts
    find(root)
    survive(put_together(root, binary), preset)


def first_primitive(root: Json) -> Json:
    primitive: Json = root["meshes"][0]["primitives"][0]
    return primitive
