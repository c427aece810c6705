"""Textures that offer a WebP and, for viewers that can't read it, another picture."""

from typing import Any

import pytest

from tests.glb.build import Builder
from tests.glb.textures.pictures import decoded, encoded, gradient, shown_as
from worker.glb import Options, Preset, Result, optimize
from worker.glb.document import Document

WEBP = "EXT_texture_webp"


def with_fallback(**settings: Any) -> Builder:
    """Image 0 is the PNG, image 1 the WebP that is preferred."""
    builder = shown_as("baseColorTexture", encoded(gradient(256)))
    webp = builder.image(encoded(gradient(256), "WEBP", **settings), "image/webp")
    builder.root["textures"][0]["extensions"] = {WEBP: {"source": webp}}
    builder.declare(WEBP)
    return builder


def images(result: Result) -> list[Any]:
    document = Document.read(result.data)
    return [decoded(bytes(document.view(i["bufferView"]))) for i in document.items("images")]


def test_plain_keeps_only_the_fallback() -> None:
    """It is what plain tools read anyhow; made anew from the WebP it would be worse."""
    before = with_fallback(quality=80).data()
    result = optimize(before, Options(preset=Preset.PLAIN))
    document = Document.read(result.data)
    assert document.items("textures") == [{"source": 0}]
    assert WEBP not in document.root.get("extensionsUsed", [])
    png, other = document.items("images")
    assert other == png
    assert bytes(document.view(png["bufferView"])) == encoded(gradient(256))
    assert b"WEBP" not in result.data
    assert len(result.data) < len(before)
    notes = {texture.image: texture.note for texture in result.report.textures}
    assert notes[1] == "image 0 stands there for viewers without WebP"


def test_plain_makes_a_jpeg_for_the_texture_that_has_no_fallback() -> None:
    """The other texture keeps what it has."""
    builder = with_fallback(quality=80)
    builder.add("textures", {"extensions": {WEBP: {"source": 1}}})
    builder.material(emissiveTexture={"index": 1})
    result = optimize(builder.data(), Options(preset=Preset.PLAIN))
    assert Document.read(result.data).items("textures") == [{"source": 0}, {"source": 1}]
    assert [image.format for image in images(result)] == ["PNG", "JPEG"]


@pytest.mark.parametrize("preset", [Preset.BALANCED, Preset.WEB, Preset.SMALL])
def test_both_are_scaled(preset: Preset) -> None:
    """The WebP stays one. Coordinates are rounded for the size that pictures will have."""
    options = Options(preset=preset, max_texture=64)
    result = optimize(with_fallback(quality=80).data(), options)
    assert [image.size for image in images(result)] == [(64, 64), (64, 64)]
    (texture,) = Document.read(result.data).items("textures")
    assert texture == {"source": 0, "extensions": {WEBP: {"source": 1}}}


def test_web_makes_a_lossless_webp_lossy_beside_its_fallback() -> None:
    """Its format stays what the texture says."""
    result = optimize(with_fallback(lossless=True).data(), Options(preset=Preset.WEB))
    png, webp = images(result)
    assert (png.format, webp.format) == ("JPEG", "WEBP")
    after = {texture.image: texture for texture in result.report.textures}
    assert after[1].bytes_after < after[1].bytes_before / 2


@pytest.mark.parametrize("payload", [{"bufferView": 0}, {"icons": ["#/bufferViews/0"]}])
def test_bytes_that_an_unknown_extension_may_name_stay(payload: dict[str, Any]) -> None:
    """The image gets a place of its own; one that nobody else can mean is replaced where it is."""
    named, other = encoded(gradient(16)), encoded(gradient(256))
    builder = shown_as("baseColorTexture", named, other)
    builder.declare("VENDOR_icon")
    builder.root["extensions"] = {"VENDOR_icon": payload}
    result = optimize(builder.data())
    after = Document.read(result.data)
    assert bytes(after.view(0)) == named
    assert [image.format for image in images(result)] == ["WEBP", "WEBP"]
    assert [image["bufferView"] for image in after.items("images")] == [6, 1]
