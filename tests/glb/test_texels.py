"""How finely texture coordinates are kept."""

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.glb.build import bumpy
from tests.glb.textures.pictures import encoded, gradient, shown_as
from tests.glb.textures.test_inputs import png, transparent, with_scans
from worker.glb import Options, Preset
from worker.glb.document import Document
from worker.glb.geometry.channels import Source, Way, plan_channels, uv_bits
from worker.glb.geometry.groups import find_groups
from worker.glb.geometry.texels import Texels
from worker.glb.textures import plan_textures

UNIT_SQUARE = np.array([[0, 0], [1, 1]], np.float32)


@pytest.mark.parametrize(
    ("preset", "texels", "bits"),
    [
        (Preset.BALANCED, 2048, 12),
        (Preset.BALANCED, 4096, 13),
        (Preset.WEB, 2047, 11),
        (Preset.WEB, 2048, 12),
        (Preset.SMALL, 512, 10),
        (Preset.BALANCED, 1 << 20, None),
    ],
)
def test_a_quarter_of_a_texel_or_half_of_one(preset: Preset, texels: int, bits: int | None) -> None:
    """Half only where textures lose more than that; what needs too many bits keeps them all."""
    assert uv_bits(UNIT_SQUARE, texels, preset) == bits
    if bits:
        part = 4 if preset is Preset.BALANCED else 2
        assert texels / (2**bits - 1) / 2 <= 1 / part * (1 + 1 / texels)


def test_a_texture_counts_as_large_as_it_will_be() -> None:
    """Coordinates need be no finer than for the pixels that are left."""
    document = Document.read(shown_as("normalTexture", encoded(gradient(64))).data())
    (group,) = find_groups(document)
    jobs = plan_textures(document, Options(preset=Preset.WEB, max_texture=16))
    sides = {job.image: job.side for job in jobs if job.side}
    assert Texels(document, sides).by_set(group) == {"TEXCOORD_0": 16}
    assert Texels(document, {}).by_set(group) == {"TEXCOORD_0": 64}


def turned(form: str) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    return encoded(gradient(64), form, exif=exif)


deep = png(b"\0" + bytes(64 * 3 * 2), 16, kind=2)
KEPT = {
    "a JPEG that is turned": ("image/jpeg", turned("JPEG")),
    "a PNG that is turned": ("image/png", turned("PNG")),
    "a WebP that is turned": ("image/webp", turned("WEBP")),
    "a JPEG of too many scans": ("image/jpeg", with_scans(101)),
    "a deep PNG with a transparent color": ("image/png", transparent(deep, 0, 1, 2)),
}


@pytest.mark.parametrize("kept", KEPT)
def test_a_texture_that_stays_counts_as_large_as_it_is(kept: str) -> None:
    """No preset scales what must stay as it is, so all its texels are to be told apart."""
    mime, picture = KEPT[kept]
    document = Document.read(shown_as("normalTexture", picture, mime=mime).data())
    (job,) = plan_textures(document, Options(preset=Preset.WEB, max_texture=16))
    assert job.side == 64
    assert job.run().data is None


def test_a_webp_that_may_stay_counts_as_large_as_it_is() -> None:
    """Where WebP may not be declared, its texture decides whether it is scaled."""
    webp = encoded(gradient(64), "WEBP")
    document = Document.read(shown_as("normalTexture", webp, mime="image/webp").data())
    for without, side in ((frozenset({"EXT_texture_webp"}), 64), (frozenset[str](), 16)):
        (job,) = plan_textures(document, Options(max_texture=16, without=without))
        assert job.side == side


@pytest.mark.parametrize("scale", [[1e308, 1], [10**9, 0], ["far", 1], 7, []])
def test_a_texture_repeated_absurdly_often_leaves_coordinates_exact(scale: object) -> None:
    """No number that a file may hold breaks the reckoning."""
    builder = shown_as("normalTexture", encoded(gradient(64)))
    texture = builder.root["materials"][0]["normalTexture"]
    texture["extensions"] = {"KHR_texture_transform": {"scale": scale}}
    document = Document.read(builder.data())
    (group,) = find_groups(document)
    (texels,) = Texels(document, {}).by_set(group).values()
    assert (uv_bits(UNIT_SQUARE, texels, Preset.BALANCED) is None) == (
        scale in ([1e308, 1], [10**9, 0])
    )


def test_coordinates_at_the_ends_of_the_numbers_are_exact() -> None:
    """Some exporters mark what has no place with the largest float."""
    largest = np.finfo(np.float32).max
    far = np.array([[-largest, 0], [largest, 1]], np.float32)
    with np.errstate(over="ignore"):
        assert uv_bits(far, 2048, Preset.BALANCED) is None


def test_an_image_that_another_extension_names_oddly_counts_nothing() -> None:
    """What stands where an image's number should be may be anything."""
    builder = shown_as("normalTexture", encoded(gradient(64)))
    builder.root["textures"][0]["extensions"] = {"EXT_texture_astc": {"source": ["what?"]}}
    document = Document.read(builder.data())
    (group,) = find_groups(document)
    assert Texels(document, {}).by_set(group) == {"TEXCOORD_0": 64}


@pytest.mark.parametrize(
    ("preset", "texels", "component_type"),
    [
        (Preset.BALANCED, 4096, 5123),
        (Preset.BALANCED, 1 << 15, 5123),
        (Preset.BALANCED, (1 << 15) + 1, 5126),
        (Preset.WEB, (1 << 16) - 1, 5123),
        (Preset.WEB, 1 << 16, 5126),
    ],
)
def test_a_second_set_keeps_the_same_bound(
    preset: Preset, texels: int, component_type: int
) -> None:
    """It has 16 bits of the unit square; where a repeated texture asks for more, it keeps all."""
    sets = [Source(f"TEXCOORD_{n}", bumpy().uvs, normalized=False, texels=texels) for n in range(2)]
    first, second = plan_channels([sets[0]._replace(texels=64), sets[1]], Options(preset=preset))
    assert first.way is Way.UV
    assert second.component_type == component_type
