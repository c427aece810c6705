import numpy as np
import pytest
from PIL import Image, ImageChops

from tests.glb.textures.pictures import decoded, encoded, gradient, noise, run_one
from worker.glb.textures.picture import likeness

WITHOUT_WEBP = frozenset({"EXT_texture_webp"})


def same_pixels(one: Image.Image, other: Image.Image) -> bool:
    mode = "RGBA" if "A" in one.mode + other.mode else "RGB"
    return not np.asarray(ImageChops.difference(one.convert(mode), other.convert(mode))).any()


def test_balanced_turns_png_into_webp_of_the_same_pixels() -> None:
    """Without loss, and smaller."""
    picture = gradient()
    result = run_one(encoded(picture))
    assert result.mime == "image/webp"
    assert result.data is not None
    assert same_pixels(decoded(result.data), picture)
    assert result.report.bytes_after == len(result.data) < result.report.bytes_before


def test_balanced_keeps_the_colour_of_transparent_pixels() -> None:
    """It may be data: every pixel comes back, also where alpha is 0."""
    picture = gradient(bands=4)
    picture.putalpha(Image.new("L", picture.size, 0))
    result = run_one(encoded(picture))
    assert result.data is not None
    assert np.array_equal(np.asarray(decoded(result.data)), np.asarray(picture))


@pytest.mark.parametrize("preset", ["safe", "balanced", "plain"])
def test_jpeg_stays_byte_for_byte(preset: str) -> None:
    """A second loss is paid for by nobody who did not ask for it."""
    result = run_one(encoded(gradient(), "JPEG"), preset, mime="image/jpeg")
    assert result.data is None
    assert result.report.note == "already compressed"


@pytest.mark.parametrize("preset", ["safe", "plain"])
def test_core_presets_add_no_webp(preset: str) -> None:
    """A PNG stays a PNG where a loader could refuse anything else."""
    assert run_one(encoded(gradient()), preset).data is None


@pytest.mark.parametrize("preset", ["web", "small"])
def test_web_presets_write_lossy_webp(preset: str) -> None:
    """Both from PNG and from JPEG, and far smaller."""
    for form, mime in (("PNG", "image/png"), ("JPEG", "image/jpeg")):
        source = encoded(gradient(256), form)
        result = run_one(source, preset, mime=mime)
        assert result.mime == "image/webp"
        assert result.data is not None
        assert len(result.data) < len(source) / 2


def test_web_is_no_worse_than_webp_at_quality_80() -> None:
    """The bytes are those of libwebp at quality 80 and method 4, the peers' default."""
    picture = gradient(256)
    result = run_one(encoded(picture), "web", slot="normalTexture")
    assert result.data == encoded(picture, "WEBP", quality=80, method=4, exact=True)


def test_web_gives_noisy_data_a_jpeg_of_full_colour() -> None:
    """WebP would mix the channels of a busy normal map; colour may be mixed."""
    picture = noise()
    normal = run_one(encoded(picture), "web", slot="normalTexture")
    assert normal.mime == "image/jpeg"
    assert normal.data is not None
    webp = decoded(encoded(picture, "WEBP", quality=80, method=4))
    assert likeness(picture, decoded(normal.data)) > likeness(picture, webp) + 3
    assert run_one(encoded(picture), "web").mime == "image/webp"


def test_web_is_lossless_where_that_is_smaller() -> None:
    """Flat areas with hard edges."""
    picture = Image.fromarray(np.kron(np.eye(16), np.ones((16, 16))).astype(np.uint8) * 255)
    result = run_one(encoded(picture), "web")
    assert result.data is not None
    assert same_pixels(decoded(result.data), picture)


def test_web_leaves_lossy_webp_alone() -> None:
    """A second loss for a few bytes is not worth it."""
    webp = encoded(gradient(), "WEBP", quality=60)
    assert run_one(webp, "web", mime="image/webp").data is None


def test_web_without_webp_writes_jpeg() -> None:
    """--no-extension EXT_texture_webp; data then keeps its channels apart."""
    result = run_one(encoded(gradient(256)), "web", without=WITHOUT_WEBP)
    assert result.mime == "image/jpeg"


def test_web_without_webp_leaves_alpha_alone() -> None:
    """JPEG has none, and the report says so."""
    result = run_one(encoded(gradient(bands=4)), "web", without=WITHOUT_WEBP)
    assert result.mime == "image/png"


def test_balanced_without_webp_keeps_png() -> None:
    """And says what stood in the way."""
    result = run_one(encoded(gradient()), without=WITHOUT_WEBP)
    assert result.data is None
    assert result.report.note == "only WebP would be smaller"


@pytest.mark.parametrize(
    ("settings", "mime"),
    [({"lossless": True}, "image/png"), ({"quality": 80}, "image/jpeg")],
)
def test_plain_undoes_webp(settings: dict[str, int], mime: str) -> None:
    """Even where the file grows: a tool that refuses WebP sees nothing of it otherwise."""
    webp = encoded(gradient(), "WEBP", **settings)
    result = run_one(webp, "plain", mime="image/webp")
    assert result.mime == mime
    assert result.data is not None
    assert likeness(decoded(webp), decoded(result.data)) > 40


def test_plain_keeps_alpha_of_lossy_webp() -> None:
    """In a PNG: a JPEG can't hold it."""
    webp = encoded(gradient(bands=4), "WEBP", quality=80)
    assert run_one(webp, "plain", mime="image/webp").mime == "image/png"


@pytest.mark.parametrize(("preset", "side"), [("web", 2048), ("small", 1024)])
def test_a_preset_bounds_the_side(preset: str, side: int) -> None:
    """The larger side is what counts; the other keeps the proportion."""
    result = run_one(encoded(gradient(4).resize((side * 2, 8))), preset)
    assert result.report.size_after == (side, 4)


@pytest.mark.parametrize(
    ("preset", "form", "after"),
    [
        ("safe", "PNG", "image/png"),
        ("safe", "JPEG", "image/jpeg"),
        ("balanced", "PNG", "image/webp"),
        ("balanced", "JPEG", "image/jpeg"),
        ("balanced", "WEBP", "image/webp"),
        ("plain", "WEBP", "image/jpeg"),
        ("web", "JPEG", "image/webp"),
    ],
)
def test_max_texture_is_obeyed_by_every_preset(preset: str, form: str, after: str) -> None:
    """And leaves the format as it would be."""
    source = encoded(gradient(64), form)
    result = run_one(source, preset, mime=f"image/{form.lower()}", max_texture=16)
    assert (result.mime, result.report.size_after) == (after, (16, 16))
    assert result.data is not None
    assert decoded(result.data).size == (16, 16)


def test_scaling_keeps_colour_where_alpha_is_zero() -> None:
    """Colours under transparent pixels do not turn black."""
    picture = gradient(64, bands=4)
    picture.putalpha(Image.new("L", picture.size, 0))
    result = run_one(encoded(picture), max_texture=32)
    assert result.data is not None
    assert np.asarray(decoded(result.data))[..., :3].mean() > 100


def test_exact_images_are_never_scaled_or_lossy() -> None:
    """What an unknown extension reads keeps its size and every bit."""
    picture = gradient(64)
    result = run_one(encoded(picture), "small", slot="mysteryTexture", max_texture=16)
    assert result.data is not None
    assert same_pixels(decoded(result.data), picture)


def test_the_smaller_wins() -> None:
    """A JPEG that WebP can't beat stays, and the report says what WebP would take."""
    coarse = encoded(noise(128), "JPEG", quality=5)
    result = run_one(coarse, "web", mime="image/jpeg")
    assert result.data is None
    assert "it would take" in result.report.note
