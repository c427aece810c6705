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
Find = Callable[[Json], None]
VARIANTS, DRACO = "KHR_materials_variants", "KHR_draco_mesh_compression"
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


def extended(name: str, payload: Any) -> Find:
    """The first primitive has the extension, with something in it that is not what it should be."""

    def change(root: Json) -> None:
        first_primitive(root)["extensions"] = {name: payload}
        root["materials"] = [{}]

    return change


FINDS: dict[str, Find] = {
    "extensions are no object": extensions_that_are_no_object,
    "normals with two components": normals_with_two_components,
    "normals with four components": normals_with_four_components,
    "variants in brackets": extended(VARIANTS, {"mappings": [[{"material": 0}]]}),
    "a number of variants": extended(VARIANTS, {"mappings": 3}),
    "a number of feature ids": extended("EXT_mesh_features", {"featureIds": 3}),
    "feature ids that are numbers": extended("EXT_mesh_features", {"featureIds": [1.5]}),
    "a number of lights": extended("EXT_lights_ies", {"lights": 3}),
    "a number of tables": extended("EXT_structural_metadata", {"propertyTables": 3}),
    "a property that is called extensions": extended(
        "EXT_structural_metadata",
        {"propertyTextures": [{"properties": {"index": 0, "channels": 0, "extensions": 7}}]},
    ),
    "a Draco id that is an object": extended(
        DRACO, {"bufferView": 0, "attributes": {"NORMAL": {}}}
    ),
    "a Draco id that is a list": extended(DRACO, {"bufferView": 0, "attributes": {"NORMAL": []}}),
}


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("find", FINDS)
def test_what_was_found_once_stays_mended(find: str, preset: Preset) -> None:
    """A file that once brought an exception of another kind is met as any other."""
    parts = taken_apart(seeds()["skinned"])
    assert parts is not None
    root, binary = parts
    FINDS[find](root)
    survive(put_together(root, binary), preset)


@pytest.mark.parametrize("unique_id", [{}, [], "0", 1.5, None, -1, 2**40])
def test_ids_in_packed_data_are_checked(unique_id: Any) -> None:
    """An attribute's id that is none is refused, whatever stands in its place."""
    parts = taken_apart(seeds()["packed skinned"])
    assert parts is not None
    root, binary = parts
    first_primitive(root)["extensions"][DRACO]["attributes"]["NORMAL"] = unique_id
    assert survive(put_together(root, binary), Preset.PLAIN) is None


def first_primitive(root: Json) -> Json:
    primitive: Json = root["meshes"][0]["primitives"][0]
    return primitive
