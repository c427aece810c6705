import struct
import zlib
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import ExifTags, Image

from tests.glb.build import Builder
from tests.glb.textures.pictures import (
    decoded,
    encoded,
    gradient,
    plan,
    run,
    run_one,
    shown_as,
)
from worker.glb import check, optimize
from worker.glb.document import Document
from worker.glb.options import Options, Preset
from worker.glb.textures import plan_textures
from worker.glb.textures.picture import likeness


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + body + struct.pack(">I", zlib.crc32(body))


def deep_png() -> bytes:
    pixels = (np.arange(64 * 64).reshape(64, 64) * 16).astype(np.uint16)
    return encoded(Image.fromarray(pixels))


def test_a_picture_of_too_many_pixels_stays() -> None:
    """Not a pixel is unpacked, and the pictures beside it are worked on all the same."""
    builder = shown_as("emissiveTexture", png_header(60_000, 60_000), encoded(gradient()))
    report = optimize(builder.data(), Options(preset=Preset.WEB)).report
    huge, small = sorted(report.textures, key=lambda texture: texture.image)
    assert huge.note == "60000 x 60000 is over the limit of 67108864 pixels"
    assert huge.bytes_after == huge.bytes_before
    assert small.mime_after == "image/webp"


def test_a_look_tells_of_too_many_pixels() -> None:
    """Not that an option would scale them."""
    data = shown_as("emissiveTexture", png_header(60_000, 60_000)).data()
    assert "too-many-pixels" in {finding.code for finding in check(data).findings}


def with_scans(count: int) -> bytes:
    """The last scan of a progressive JPEG, which refines every pixel, again and again."""
    picture = encoded(gradient(), "JPEG", progressive=True)
    last = picture[picture.rfind(b"\xff\xda") : -2]
    return picture[:-2] + last * (count - picture.count(b"\xff\xda")) + b"\xff\xd9"


@pytest.mark.parametrize(("scans", "note"), [(100, ""), (101, "101 scans are more than the 100")])
def test_a_jpeg_of_many_scans_is_not_decoded(scans: int, note: str) -> None:
    """A hundred bytes each ask for as much work as all its pixels."""
    result = run_one(with_scans(scans), "web", mime="image/jpeg")
    assert result.report.note.startswith(note)
    assert (result.data is None) == bool(note)


def test_a_jpeg_of_many_pieces_of_exif_is_not_opened() -> None:
    """Each would be put after a copy of all the others."""
    picture = encoded(gradient(), "JPEG")
    pieces = b"\xff\xe1\0\x08Exif\0\0" * 101
    result = run_one(picture[:2] + pieces + picture[2:], "web", mime="image/jpeg")
    assert result.data is None
    assert result.report.note.startswith("101 pieces of EXIF data are more than the 100")


def test_a_jpeg_that_viewers_turn_stays() -> None:
    """Browsers heed the EXIF data and others don't: only the same bytes look the same to each."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    picture = encoded(gradient(), "JPEG", quality=95, exif=exif)
    result = run_one(picture, "web", mime="image/jpeg")
    assert result.data is None
    assert "EXIF" in result.report.note
    exif[ExifTags.Base.Orientation] = 1
    upright = encoded(gradient(), "JPEG", quality=95, exif=exif)
    assert run_one(upright, "web", mime="image/jpeg").mime == "image/webp"


def test_a_second_header_is_not_believed() -> None:
    """The size that was checked is the size that is unpacked."""
    header = png_header(8, 8)
    picture = header + encoded(gradient())[8:]
    result = run_one(picture)
    assert result.data is None
    assert "more than one header" in result.report.note


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA"])
def test_every_mode_of_png_keeps_its_pixels(mode: str) -> None:
    """Palettes, grey, one bit, with and without alpha."""
    picture = gradient(bands=4).convert(mode)
    result = run_one(encoded(picture))
    if result.data is not None:
        after = decoded(result.data)
        assert np.array_equal(np.asarray(after), np.asarray(picture.convert(after.mode)))


def test_a_transparent_colour_of_a_palette_becomes_alpha() -> None:
    """The tRNS chunk is not lost."""
    picture = gradient().quantize(8)
    result = run_one(encoded(picture, transparency=0))
    assert result.data is not None
    assert decoded(result.data).mode == "RGBA"


def test_opaque_alpha_is_dropped() -> None:
    """It says nothing and costs bytes."""
    picture = gradient()
    picture.putalpha(255)
    result = run_one(encoded(picture), "web")
    assert result.data is not None
    assert decoded(result.data).mode == "RGB"


def test_sixteen_bits_stay_where_nothing_may_be_lost() -> None:
    """WebP has eight."""
    result = run_one(deep_png())
    assert result.data is None
    assert result.report.note == "16 bits a channel fit into no smaller format"


def test_sixteen_bits_are_scaled_and_not_clipped() -> None:
    """In `web`, the upper eight of them are what remains."""
    result = run_one(deep_png(), "web")
    assert result.data is not None
    expected = Image.fromarray((np.arange(64 * 64).reshape(64, 64) * 16 >> 8).astype(np.uint8))
    assert likeness(expected.convert("RGB"), decoded(result.data)) > 35


def transparent(png: bytes, *color: int) -> bytes:
    """With the chunk that names the one transparent colour."""
    body = b"tRNS" + struct.pack(f">{len(color)}H", *color)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    place = png.index(b"IDAT") - 4
    return png[:place] + chunk + png[place:]


def test_a_transparent_grey_of_sixteen_bits_becomes_alpha() -> None:
    """Only that one: others share its upper eight bits."""
    result = run_one(transparent(deep_png(), 16), "web")
    assert result.data is not None
    alpha = np.asarray(decoded(result.data).getchannel("A"))
    assert np.argwhere(alpha == 0).tolist() == [[0, 1]]


@pytest.mark.parametrize("preset", ["balanced", "web"])
@pytest.mark.parametrize(("depth", "grey"), [(1, 1), (2, 3), (2, 1), (4, 15), (4, 6), (8, 6)])
def test_a_transparent_grey_of_few_bits_becomes_alpha(preset: str, depth: int, grey: int) -> None:
    """The file names it in its own steps; upper bits are void."""
    row = np.arange(64) % (1 << depth)
    bits = "".join(f"{value:0{depth}b}" for value in row)
    picture = png(b"\0" + int(bits, 2).to_bytes(8 * depth), depth, kind=0)
    result = run_one(transparent(picture, 0x100 | grey), preset)
    assert result.data is not None
    alpha = np.asarray(decoded(result.data).getchannel("A"))
    assert (alpha == np.where(row == grey, 0, 255)).all()


def png(row: bytes, depth: int, kind: int) -> bytes:
    """64 pixels a side, each row the same."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 64, 64, depth, kind, 0, 0, 0)
    parts = [header, b"IDAT" + zlib.compress(row * 64, 0), b"IEND"]
    chunks = [
        struct.pack(">I", len(part) - 4) + part + struct.pack(">I", zlib.crc32(part))
        for part in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_transparent_colour_of_sixteen_bits_stays() -> None:
    """Pillow keeps too few of them to know it."""
    picture = png(b"\0" + np.arange(64 * 3, dtype=">u2").tobytes(), 16, kind=2)
    assert run_one(picture, "web").data is not None
    result = run_one(transparent(picture, 0, 1, 2), "web")
    assert result.data is None
    assert "transparent" in result.report.note


def test_cmyk_jpegs_become_rgb() -> None:
    """WebP knows no other."""
    source = encoded(gradient(128).convert("CMYK"), "JPEG", quality=95)
    result = run_one(source, "web", mime="image/jpeg")
    assert result.data is not None
    assert decoded(result.data).mode == "RGB"


def test_a_wrong_mime_type_is_mended() -> None:
    """What counts is what the bytes are."""
    result = run_one(encoded(gradient(), "JPEG"), mime="image/png")
    assert (result.mime, result.report.mime_before) == ("image/jpeg", "image/jpeg")
    assert result.data == encoded(gradient(), "JPEG")
    assert "declared as image/png" in result.report.note


def test_a_data_uri_moves_into_the_file() -> None:
    """Base64 costs a third more, even where the picture itself stays as it is."""
    picture = encoded(gradient(), "JPEG")
    builder = Builder()
    uri = "data:image/jpeg;base64," + b64encode(picture).decode()
    builder.texture(builder.add("images", {"uri": uri}))
    builder.material(emissiveTexture={"index": 0})
    (result,) = run(builder)
    assert result.data == picture
    assert result.report.bytes_before == len(uri) > result.report.bytes_after


@pytest.mark.parametrize(
    "options",
    [
        Options(preset=Preset.SAFE),
        Options(preset=Preset.SAFE, max_texture=16),
        Options(without=frozenset({"EXT_texture_webp"})),
    ],
)
def test_a_webp_that_no_texture_declares_asks_for_no_extension(options: Options) -> None:
    """Where none may be added it stays what it was, also in a data URI."""
    builder = shown_as("normalTexture", webp := encoded(gradient(256), "WEBP"))
    uri = "data:image/png;base64," + b64encode(webp).decode()
    builder.root["images"].append({"uri": uri})
    builder.root["textures"].append({"source": 1})
    builder.material(emissiveTexture={"index": 1})
    result = optimize(builder.data(), options)
    after = Document.read(result.data)
    assert "EXT_texture_webp" not in after.root.get("extensionsUsed", [])
    assert after.items("textures") == [{"source": 0}, {"source": 1}]
    inside, outside = after.items("images")
    assert bytes(after.view(inside["bufferView"])) == webp
    assert outside == {"uri": uri}
    notes = {texture.image: texture.note for texture in result.report.textures}
    assert notes[1] == "its texture does not declare WebP, and may not"


def test_a_webp_that_its_texture_declares_moves_into_the_file() -> None:
    """No extension is added by that, whatever the preset."""
    builder = shown_as("normalTexture", webp := encoded(gradient(), "WEBP"))
    builder.root["images"] = [{"uri": "data:image/webp;base64," + b64encode(webp).decode()}]
    builder.root["textures"] = [{"extensions": {"EXT_texture_webp": {"source": 0}}}]
    builder.declare("EXT_texture_webp", required=True)
    after = Document.read(optimize(builder.data(), Options(preset=Preset.SAFE)).data)
    (image,) = after.items("images")
    assert bytes(after.view(image["bufferView"])) == webp


@pytest.mark.parametrize("uri", ["data:image/png;base64,@@@", "data:image/png,text", "color.png"])
def test_an_image_that_is_not_here_stays(uri: str) -> None:
    """Outside the file, or in a data URI that can't be read: not ours to judge."""
    builder = Builder()
    builder.texture(builder.add("images", {"uri": uri}))
    builder.material(emissiveTexture={"index": 0})
    (result,) = run(builder, "web")
    assert result.data is None
    assert result.report.note


@pytest.mark.parametrize(
    ("name", "source"),
    [("KHR_texture_basisu", 0), ("VENDOR_format", 0), ("VENDOR_format", ["what?"])],
)
def test_an_image_that_only_another_extension_names_stays(name: str, source: object) -> None:
    """To make it WebP, its texture would have to say so, and it has no place for that."""
    builder = shown_as("normalTexture", encoded(gradient()))
    builder.root["textures"][0] = {"extensions": {name: {"source": source}}}
    builder.declare(name)
    before = builder.data()
    after = optimize(before, Options(preset=Preset.WEB))
    assert Document.read(after.data).items("images")[0]["mimeType"] == "image/png"


@pytest.mark.parametrize("payload", [None, 3, ["source"]])
def test_what_an_unknown_extension_of_a_texture_holds_may_be_anything(payload: object) -> None:
    """It names no image, and stays."""
    builder = shown_as("normalTexture", encoded(gradient()))
    builder.root["textures"][0]["extensions"] = {"VENDOR_filter": payload}
    after = Document.read(optimize(builder.data()).data)
    (texture,) = after.items("textures")
    expected = {"VENDOR_filter": payload, "EXT_texture_webp": {"source": 0}}
    assert texture == {"extensions": expected}


def test_an_image_in_another_file_stays() -> None:
    """Its bytes can't be seen here, and need not be; they are not those of the same place here."""
    builder = shown_as("normalTexture", encoded(gradient()), encoded(gradient()))
    here = builder.root["images"][0]["bufferView"]
    there = builder.add("bufferViews", builder.root["bufferViews"][here] | {"buffer": 1})
    builder.root["images"][1]["bufferView"] = there
    size = len(builder.binary)
    builder.root["buffers"] = [{"byteLength": size}, {"byteLength": size, "uri": "textures.bin"}]
    result = optimize(builder.data())
    notes = {texture.image: texture.note for texture in result.report.textures}
    assert notes == {0: "without loss", 1: "its bytes lie in another file"}
    assert any(finding.code == "no-image-data" for finding in check(builder.data()).findings)


def test_a_data_uri_of_nobody_knows_what_stays() -> None:
    """In a buffer it would need the name of a format."""
    builder = shown_as("normalTexture", encoded(gradient()))
    builder.root["images"][0] = {"uri": "data:;base64,AAAA"}
    (result,) = run(builder)
    assert result.data is None


@pytest.mark.parametrize("cut", [0, 4, 24, 60, 400])
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_damaged_picture_stays_as_it_is(form: str, cut: int) -> None:
    """The model is worth having without it; the report says why it was left."""
    data = encoded(gradient(128), form)[:cut]
    result = run_one(data, "web", mime=f"image/{form.lower()}")
    assert result.data is None
    assert result.report.note


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize(
    ("head", "mime"),
    [(encoded(gradient())[:24], "image/png"), (b"RIFF\0\0\0\0WEBPVP8X", "image/webp")],
    ids=["PNG", "WebP"],
)
def test_a_picture_that_ends_within_its_header_stays(
    head: bytes, mime: str, preset: Preset
) -> None:
    """Its size can still be read there, but no more."""
    data = shown_as("normalTexture", head, mime=mime).data()
    (texture,) = optimize(data, Options(preset=preset)).report.textures
    assert texture.bytes_after == texture.bytes_before


def test_formats_that_are_not_read_pass_through() -> None:
    """KTX2 is for the graphics card; re-coding it would lose that."""
    result = run_one(b"\xabKTX 20\xbb\r\n\x1a\n" + bytes(100), "web", mime="image/ktx2")
    assert result.data is None
    assert result.report.note == "image/ktx2 is passed through"


def test_an_animation_passes_through() -> None:
    """Only its first picture would be left of it."""
    frames = [gradient(), gradient().rotate(90)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=100)
    assert run_one(data, "plain", mime="image/webp").report.note == "animated"


def test_an_unused_image_is_not_worked_on() -> None:
    """No texture shows it."""
    builder = Builder()
    builder.image(encoded(gradient()), "image/png")
    (result,) = run(builder, "web")
    assert (result.data, result.report.note) == (None, "no texture uses it")


def test_a_fallback_stays_readable_by_all() -> None:
    """It is there for viewers that know no WebP."""
    builder = Builder()
    webp = builder.image(encoded(gradient(), "WEBP", quality=80), "image/webp")
    png = builder.image(encoded(gradient()), "image/png")
    builder.texture(png, extensions={"EXT_texture_webp": {"source": webp}})
    builder.material(emissiveTexture={"index": 0})
    assert [result.data for result in run(builder)] == [None, None]
    assert run(builder, "web")[png].mime == "image/jpeg"


def test_equal_pictures_are_worked_on_once() -> None:
    """On any number of threads, and each gets the same bytes."""
    picture = encoded(gradient())
    jobs = plan(shown_as("baseColorTexture", *[picture] * 8))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda job: job.run(), jobs))
    assert len({id(result.data) for result in results}) == 1


def test_a_buffer_that_may_change_is_as_good_as_bytes() -> None:
    """A bytearray, as a network library hands it over."""
    data = bytearray(shown_as("baseColorTexture", encoded(gradient())).data())
    (job,) = plan_textures(Document.read(data), Options())
    assert job.run().mime == "image/webp"


def test_equal_pictures_of_different_roles_are_told_apart() -> None:
    """They must never become one image: viewers would read it in one colour space."""
    picture = encoded(gradient())
    builder = shown_as("baseColorTexture", picture)
    texture = builder.texture(builder.image(picture, "image/png"))
    builder.material(normalTexture={"index": texture})
    assert [result.space for result in run(builder)] == ["srgb", "linear"]
