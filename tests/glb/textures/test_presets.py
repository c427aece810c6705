import numpy as np
import pytest
from PIL import Image, ImageChops

from tests.glb.textures.pictures import (
    decoded,
    encoded,
    gradient,
    noise,
    run,
    run_one,
    shown_as,
)
from worker.glb.textures import TextureResult
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


@pytest.mark.parametrize("preset", ["web", "small"])
@pytest.mark.parametrize("slot", ["baseColorTexture", "emissiveTexture"])
def test_web_keeps_the_colour_that_an_opaque_material_shows(preset: str, slot: str) -> None:
    """Its alpha means nothing to anybody."""
    picture = gradient(256, bands=4)
    picture.putalpha(Image.new("L", picture.size, 0))
    result = run_one(encoded(picture), preset, slot=slot)
    assert result.mime == "image/webp"
    assert result.data is not None
    assert likeness(picture.convert("RGB"), decoded(result.data).convert("RGB")) > 35


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


def busy(alpha: int) -> Image.Image:
    """Noise that packs well without loss."""
    picture = noise(128).point(lambda value: value & 0xF0)
    picture.putalpha(alpha)
    return picture


def test_web_drops_alpha_that_nobody_reads_for_full_colour() -> None:
    """What an exporter left in the fourth channel is no reason to blur the other three."""
    result = run_one(encoded(busy(254)), "web", slot="metallicRoughnessTexture")
    assert result.mime == "image/jpeg"
    assert result.data is not None
    assert likeness(busy(254), decoded(result.data)) > 23


def run_in_extension(picture: Image.Image, name: str, slot: str) -> TextureResult:
    builder = shown_as("normalTexture", encoded(picture))
    builder.root["materials"] = [{"extensions": {name: {slot: {"index": 0}}}}]
    (result,) = run(builder, "web")
    return result


def test_web_keeps_data_in_alpha_and_blurs_colours_that_nobody_reads() -> None:
    """Of this texture only alpha counts, which WebP never blurs."""
    name, slot = "KHR_materials_sheen", "sheenRoughnessTexture"
    result = run_in_extension(busy(254), name, slot)
    assert result.report.note == "quality 80"
    assert result.data is not None
    assert decoded(result.data).getchannel("A").getextrema() == (254, 254)


def test_web_loses_nothing_of_busy_data_with_alpha() -> None:
    """Glossiness lies in alpha, which no JPEG holds."""
    name, slot = "KHR_materials_pbrSpecularGlossiness", "specularGlossinessTexture"
    result = run_in_extension(busy(254), name, slot)
    assert result.mime == "image/webp"
    assert result.data is not None
    assert same_pixels(decoded(result.data), busy(254))
    assert "dB alike" in result.report.note


def cells(count: int, side: int) -> Image.Image:
    """So many colours each way, each of so many pixels."""
    return noise(count).resize((count * side, count * side), Image.Resampling.NEAREST)


@pytest.mark.parametrize("preset", ["web", "small"])
@pytest.mark.parametrize(("count", "side"), [(4, 1), (8, 1), (16, 1), (32, 1), (16, 4), (32, 8)])
def test_web_keeps_the_colours_of_a_palette(preset: str, count: int, side: int) -> None:
    """A few hundred bytes are not worth a model's colours."""
    source = encoded(cells(count, side))
    result = run_one(source, preset)
    after = source if result.data is None else result.data
    assert same_pixels(decoded(after), cells(count, side))


def test_web_keeps_the_colours_of_a_palette_that_is_a_jpeg() -> None:
    """One of full colour holds them well enough, and lossy WebP would not."""
    source = encoded(cells(16, 1), "JPEG", quality=95, subsampling=0)
    result = run_one(source, "web", mime="image/jpeg")
    assert same_pixels(decoded(result.data or source), decoded(source))


def test_web_keeps_a_palette_without_webp() -> None:
    """JPEG would blur it as much."""
    result = run_one(encoded(cells(16, 4)), "web", without=WITHOUT_WEBP)
    assert result.mime == "image/png"


def test_a_small_photograph_of_few_colours_is_still_lossy() -> None:
    """What lossy WebP holds well and packs far better is no palette."""
    picture = gradient(256).quantize(200, dither=Image.Dither.NONE).convert("RGB")
    result = run_one(encoded(picture), "web")
    assert result.data == encoded(picture, "WEBP", quality=80, method=4)


def test_what_no_alpha_shows_of_a_palette_is_not_compared() -> None:
    """Lossy WebP makes it grey, and nobody sees that."""
    picture = gradient(256).quantize(200, dither=Image.Dither.NONE).convert("RGBA")
    picture.paste(cells(8, 16).convert("RGBA"), (0, 0))
    alpha = Image.new("L", picture.size, 255)
    alpha.paste(0, (0, 0, 128, 128))
    picture.putalpha(alpha)
    builder = shown_as("baseColorTexture", encoded(picture))
    builder.root["materials"][0]["alphaMode"] = "MASK"
    (result,) = run(builder, "web")
    assert result.report.note == "quality 80"


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


@pytest.mark.parametrize("size", [(16384, 1), (1, 20000)])
def test_what_is_too_long_for_a_webp_stays(size: tuple[int, int]) -> None:
    """The note says so; scaled to a side that no WebP has either, it is a PNG again."""
    picture = encoded(gradient().resize(size))
    result = run_one(picture)
    assert (result.data, result.report.note) == (None, "no WebP has more than 16383 pixels a side")
    assert run_one(encoded(gradient().resize((16383, 1)))).mime == "image/webp"
    if max(size) > 17000:
        assert run_one(picture, max_texture=17000).report.size_after == (1, 17000)


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
