from functools import cache
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulator.surfaces import areas, is_closed, turned_over, volume
from worker.simulator.models import Model, make_model
from worker.simulator.models.arrays import GRID
from worker.simulator.models.forms import FORMS, Form, drawn

WORDS = sorted(min(form.words) for form in FORMS)


@cache
def plain(seed: str, polycount: int | None = None) -> Model:
    return make_model(seed, polycount, textured=False, pbr=False)


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("polycount", [100, 137, 4_000])
def test_a_model_is_closed_at_any_number_of_triangles(word: str, polycount: int) -> None:
    """Each form is a watertight surface that faces outwards, without a triangle of no area."""
    mesh = plain(word, polycount).mesh
    assert is_closed(mesh.faces)
    assert areas(mesh.points, mesh.faces).min() > 0
    assert volume(mesh.points, mesh.faces) > 0


@settings(max_examples=20, deadline=None)
@given(seed=st.text(max_size=20), polycount=st.integers(100, 5_000))
def test_any_seed_is_a_model(seed: str, polycount: int) -> None:
    """Whatever the prompt says, the surface is closed and has as many triangles as asked."""
    model = plain(seed, polycount)
    assert is_closed(model.mesh.faces)
    assert model.triangles == polycount // 2 * 2


def test_half_a_million_triangles_are_sound() -> None:
    """The largest model that can be asked for has no degenerate triangle either."""
    mesh = plain("a creature", 500_000).mesh
    assert len(mesh.faces) == 500_000
    assert is_closed(mesh.faces)
    assert areas(mesh.points, mesh.faces).min() > 0


def test_thirty_thousand_triangles_unless_told_otherwise() -> None:
    """Without a polycount a model has the providers' usual one."""
    assert plain("a vase").triangles == 30_000


@pytest.mark.parametrize("word", WORDS)
def test_a_model_is_as_large_as_the_providers_make_it(word: str) -> None:
    """It stands in the middle of space and its longest side is about 1.9."""
    points = plain(word, 4_000).mesh.points
    low, high = points.min(axis=0), points.max(axis=0)
    assert (high - low).max() == pytest.approx(1.9, rel=0.08)
    assert np.abs(low + high).max() < 0.15


@pytest.mark.parametrize("word", WORDS)
def test_normals_are_unit_vectors(word: str) -> None:
    """Every vertex has a direction, also at the poles."""
    lengths = np.linalg.norm(plain(word, 4_000).mesh.normals, axis=1)
    assert lengths == pytest.approx(1.0)


@pytest.mark.parametrize("word", WORDS)
def test_the_texture_lies_flat_on_its_atlas(word: str) -> None:
    """Texture coordinates stay on the picture, and no triangle is folded over or empty on it."""
    mesh = plain(word, 4_000).mesh
    assert mesh.coordinates.min() >= 0
    assert mesh.coordinates.max() <= 1
    assert turned_over(mesh) == 0


def test_triangles_are_not_a_regular_grid() -> None:
    """As in the providers' models, vertices have different numbers of neighbours and edges."""
    mesh = plain("a boulder").mesh
    neighbours = np.bincount(mesh.faces.ravel())
    sizes = areas(mesh.points, mesh.faces)
    assert len(np.unique(neighbours)) > 4
    assert sizes.std() / sizes.mean() > 0.25


GEOMETRY = {
    "a red vase": "2287d74f82cbcea0",
    "a friendly dragon": "13d295e4aaa6a7f5",
    "9f86d081884c7d65": "b48c81299bd7201c",
}


@pytest.mark.parametrize("seed", GEOMETRY)
def test_a_seed_is_the_same_model_on_every_machine(seed: str) -> None:
    """The same numbers as on the machine where this was written down."""
    mesh = plain(seed, 2_000).mesh
    whole = (mesh.points * GRID).astype("<i4").tobytes() + mesh.faces.astype("<i4").tobytes()
    assert sha256(whole).hexdigest()[:16] == GEOMETRY[seed]


def test_two_seeds_are_two_models() -> None:
    """Prompts of the same form still differ in shape and in paint."""
    one, other = (make_model(f"vase {n}", 500, textured=True, pbr=False) for n in (1, 2))
    assert one.file("stl") != other.file("stl")
    assert one.textures != other.textures


def test_the_shape_stays_when_it_is_refined_or_remeshed() -> None:
    """The same seed lies on the same surface, whatever else is asked of it."""
    preview = plain("an old tree", 2_000)
    refined = make_model("an old tree", 2_000, textured=True, pbr=True)
    remeshed = plain("an old tree", 4_000)
    assert np.array_equal(preview.mesh.points, refined.mesh.points)
    assert remeshed.mesh.points.min(axis=0) == pytest.approx(
        preview.mesh.points.min(axis=0), abs=0.06
    )


@pytest.mark.parametrize("form", FORMS, ids=lambda form: min(form.words))
def test_a_prompt_gets_what_it_names(form: Form) -> None:
    """A word for a form is found in a prompt, whatever stands around it."""
    assert drawn(f"A small {max(form.words).upper()}, please")[0] is form
