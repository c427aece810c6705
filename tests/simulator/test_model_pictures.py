from functools import cache
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from worker.simulator.models import Model, make_model
from worker.simulator.models.forms import FORMS

WORDS = sorted(min(form.words) for form in FORMS)


@cache
def textured(seed: str, *, pbr: bool = False, size: int = 128) -> Model:
    return make_model(seed, 500, textured=True, pbr=pbr, texture_size=size)


def opened(picture: bytes) -> Image.Image:
    return Image.open(BytesIO(picture))


def test_only_what_was_asked_for_is_painted() -> None:
    """No maps without a texture, colour alone without PBR, four maps with it."""
    bare = make_model("a vase", 500, textured=False, pbr=False)
    assert dict(bare.textures) == {}
    assert set(textured("a vase").textures) == {"base_color"}
    every = {"base_color", "metallic", "roughness", "normal"}
    assert set(textured("a vase", pbr=True).textures) == every


@pytest.mark.parametrize("size", [64, 128, 500])
def test_maps_have_the_size_that_was_asked(size: int) -> None:
    """Colour is a JPEG, the data maps are PNGs, and all are square."""
    maps = textured("a rocket", pbr=True, size=size).textures
    found = {name: (opened(file).format, opened(file).size) for name, file in maps.items()}
    data = ("PNG", (size, size))
    assert found == {
        "base_color": ("JPEG", (size, size)),
        "metallic": data,
        "roughness": data,
        "normal": data,
    }


@pytest.mark.parametrize("word", WORDS)
def test_the_whole_atlas_is_painted(word: str) -> None:
    """No row and no column of the texture is left black between the parts."""
    colours = np.asarray(opened(textured(word, pbr=True).textures["base_color"])).max(axis=-1)
    assert colours.max(axis=0).min() > 20
    assert colours.max(axis=1).min() > 20
    assert (colours > 8).mean() > 0.9


@pytest.mark.parametrize("word", WORDS)
def test_a_texture_looks_like_something(word: str) -> None:
    """It has colours apart from each other, and most of it is smooth: it is not noise."""
    colours = np.asarray(opened(textured(word, pbr=True).textures["base_color"]), np.float64)
    assert colours.std(axis=(0, 1)).max() > 10
    steps = np.abs(np.diff(colours, axis=1)).mean(axis=-1)
    assert np.median(steps) < colours.std()


@pytest.mark.parametrize("word", WORDS)
def test_the_normal_map_points_outwards(word: str) -> None:
    """Its vectors have unit length, and none points into the surface."""
    stored = np.asarray(opened(textured(word, pbr=True).textures["normal"]), np.float64)
    vectors = stored / 255 * 2 - 1
    assert np.linalg.norm(vectors, axis=-1) == pytest.approx(1, abs=0.02)
    assert vectors[..., 2].min() > 0
    assert vectors[..., 2].mean() > 0.8


@pytest.mark.parametrize("word", WORDS)
def test_a_thumbnail_shows_the_model(word: str) -> None:
    """A square PNG in which the model stands clear of the edges and fills a fair part."""
    picture = opened(textured(word, pbr=True).thumbnail)
    assert (picture.format, picture.mode, picture.size) == ("PNG", "RGB", (512, 512))
    sharp = np.abs(np.diff(np.asarray(picture.convert("L"), np.float64), axis=1)) > 3
    rows, columns = np.flatnonzero(sharp.any(axis=1)), np.flatnonzero(sharp.any(axis=0))
    assert min(rows[0], columns[0], 511 - rows[-1], 511 - columns[-1]) > 15
    assert max(np.ptp(rows), np.ptp(columns)) > 340


def test_a_thumbnail_needs_no_texture() -> None:
    """A bare model is shown in clay: hardly any colour, but light and shadow."""
    bare = make_model("a dragon", 500, textured=False, pbr=False)
    colours = np.asarray(opened(bare.thumbnail), np.float64)
    assert (colours.max(axis=-1) - colours.min(axis=-1)).max() < 25
    assert np.ptp(colours) > 120


def test_pictures_are_made_once() -> None:
    """Asking again costs nothing: the same bytes are handed out."""
    model = textured("a fish")
    assert model.thumbnail is model.thumbnail
    assert model.textures is model.textures
    assert model.file("glb") is model.file("glb")
