"""What becomes of an input image before a provider sees it."""

import struct
import zlib
from collections.abc import Callable, Sequence
from io import BytesIO
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms

from worker.providers.failure import Failure, Kind
from worker.providers.images import prepare_picture
from worker.providers.order import Picture

# Pillow warns of broken EXIF and APNG data and goes on, as production does.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
TURN_OF_ORIENTATION: dict[int, Callable[[Image.Image], Image.Image]] = {
    1: lambda image: image,
    2: lambda image: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda image: image.rotate(180),
    4: lambda image: image.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda image: image.transpose(Image.Transpose.TRANSPOSE),
    6: lambda image: image.rotate(90, expand=True),
    7: lambda image: image.transpose(Image.Transpose.TRANSVERSE),
    8: lambda image: image.rotate(270, expand=True),
}


def quarters(width: int = 64, height: int = 48) -> Image.Image:
    """Red, green, blue, white: every turn and mirroring of it looks different."""
    image = Image.new("RGB", (width, height), WHITE)
    image.paste(RED, (0, 0, width // 2, height // 2))
    image.paste(GREEN, (width // 2, 0, width, height // 2))
    image.paste(BLUE, (0, height // 2, width // 2, height))
    return image


def saved(image: Image.Image, form: str = "PNG", **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """The colour in each quarter, coarse enough to forgive JPEG."""
    right, bottom = image.width * 3 // 4, image.height * 3 // 4
    left, top = image.width // 4, image.height // 4
    places = [(left, top), (right, top), (left, bottom), (right, bottom)]
    return [coarse(image.convert("RGB").getpixel(place)) for place in places]


def coarse(pixel: object) -> tuple[int, ...]:
    assert isinstance(pixel, tuple)
    return tuple(round(value / 51) * 51 for value in pixel)


def prepared(data: bytes) -> Picture:
    outcome = prepare_picture(data, 0)
    assert isinstance(outcome, Picture), outcome
    return outcome


def read(data: bytes) -> Image.Image:
    picture = prepared(data)
    image = Image.open(BytesIO(picture.data))
    assert picture.content_type == Image.MIME[image.format or ""]
    return image


def refusal(data: bytes, index: int = 0) -> str:
    outcome = prepare_picture(data, index)
    assert isinstance(outcome, Failure), "the picture was taken"
    assert outcome.kind is Kind.INVALID_REQUEST
    assert outcome.detail.startswith(f"images[{index}]: ")
    return outcome.detail


# --- what is sent


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_an_ordinary_picture_becomes_a_jpeg(form: str) -> None:
    """Whatever the form it came in, an opaque picture is sent as JPEG with the same colours."""
    image = read(saved(quarters(), form))

    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 48))
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


def test_the_angle_goes_with_the_picture() -> None:
    """A view keeps its name."""
    outcome = prepare_picture(saved(quarters()), 0, angle="left")

    assert isinstance(outcome, Picture)
    assert outcome.angle == "left"


def test_the_same_bytes_give_the_same_picture() -> None:
    """Preparing is deterministic, so that a repeated request can be known again."""
    data = saved(quarters(3000, 1000), "WEBP")

    assert prepared(data) == prepared(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", TURN_OF_ORIENTATION)
def test_a_picture_is_turned_upright(orientation: int, form: str) -> None:
    """Providers ignore EXIF, so all eight orientations are applied to the pixels."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    lying = TURN_OF_ORIENTATION[orientation](quarters())

    image = read(saved(lying, form, exif=exif))

    assert image.size == (64, 48)
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(orientation: int) -> None:
    """A camera's mistake costs nobody their picture."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation

    assert corners(read(saved(quarters(), "JPEG", exif=exif))) == [RED, GREEN, BLUE, WHITE]


def test_broken_exif_data_is_ignored() -> None:
    """A picture that can be seen is taken, whatever its metadata."""
    data = saved(quarters(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 9)

    assert corners(read(data)) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((4096, 3072), (2048, 1536)), ((1000, 5000), (410, 2048)), ((2048, 2048), (2048, 2048))],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_big_picture_is_shrunk(
    size: tuple[int, int], expected: tuple[int, int], form: str
) -> None:
    """The longest side is 2048 pixels at most; the proportions stay."""
    image = read(saved(quarters(*size), form))

    assert image.size == expected
    assert corners(image) == [RED, GREEN, BLUE, WHITE]


def test_a_small_picture_is_not_enlarged() -> None:
    """Pixels are never invented."""
    assert read(saved(quarters(20, 20))).size == (20, 20)


# --- what is taken away


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("alpha", [128, None])
def test_metadata_is_stripped(form: str, alpha: int | None) -> None:
    """Where a photo was taken, and by whom, stays with the user."""
    exif = Image.Exif()
    exif[ExifTags.Base.Artist] = "somebody"
    exif.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    image = quarters()
    if alpha is not None and form != "JPEG":
        image.putalpha(alpha)

    data = prepared(saved(image, form, exif=exif, icc_profile=srgb(), xmp=b"<x>somebody</x>")).data

    taken = Image.open(BytesIO(data))
    assert not taken.getexif()
    assert set(taken.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
    assert b"somebody" not in data


def test_a_comment_is_stripped() -> None:
    """A JPEG's comment and a PNG's text stay behind too."""
    jpeg = saved(quarters(), "JPEG", comment=b"somebody")

    assert b"somebody" in jpeg
    assert b"somebody" not in prepared(jpeg).data


def srgb() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def gray_gamma_1() -> bytes:
    """A minimal ICC profile of linear gray: 50 % of its light is 73 % of sRGB's scale."""
    wtpt = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)
    text = b"text\0\0\0\0gray\0\0\0\0"
    tags = [(b"wtpt", wtpt), (b"kTRC", curve), (b"desc", text), (b"cprt", text)]
    offset, table, body = 128 + 4 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags:
        table += struct.pack(">4sII", name, offset + len(body), len(content))
        body += content
    header = struct.pack(
        ">I4sI4s4s4s12s4s4s24s3i48x",
        *(offset + len(body), b"\0" * 4, 0x02100000, b"mntr", b"GRAY", b"XYZ ", b"\0" * 12),
        *(b"acsp", b"\0" * 4, b"\0" * 24, 63190, 65536, 54061),
    )
    return header + table + body


def test_a_colour_profile_is_converted_to_srgb() -> None:
    """Providers ignore profiles, so the numbers are made to mean what they take them for."""
    gray = Image.new("L", (32, 32), 128)

    image = read(saved(gray, icc_profile=gray_gamma_1()))

    assert image.getpixel((16, 16)) == pytest.approx((188, 188, 188), abs=2)


@pytest.mark.parametrize("profile", [b"no profile", srgb()[:200], b"\0" * 5_000_000])
def test_a_useless_profile_is_ignored(profile: bytes) -> None:
    """A profile that can't be read costs nobody their picture."""
    assert corners(read(saved(quarters(), "JPEG", icc_profile=profile))) == [
        *(RED, GREEN, BLUE, WHITE)
    ]


# --- odd forms


def translucent(mode: str = "RGBA") -> Image.Image:
    image = quarters()
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image.convert(mode)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_real_alpha_stays(mode: str, form: str) -> None:
    """What is cut out stays cut out: such a picture is sent as PNG."""
    lossless: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}

    image = read(saved(translucent(mode), form, **lossless))

    assert (image.format, image.mode) == ("PNG", "RGBA")
    assert image.getchannel("A").tobytes() == translucent().getchannel("A").tobytes()


def test_alpha_stays_when_a_picture_shrinks() -> None:
    """The colour beneath what is cut out does not bleed into the edge."""
    image = Image.new("RGBA", (4000, 400), (*GREEN, 0))
    image.paste((*RED, 255), (0, 0, 2001, 400))

    small = np.asarray(read(saved(image)))

    assert small[..., 1][small[..., 3] > 8].max() < 16


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_alpha_that_hides_nothing_is_dropped(form: str) -> None:
    """A fully opaque picture is sent as the smaller JPEG."""
    opaque = quarters()
    opaque.putalpha(255)

    assert prepared(saved(opaque, form)).content_type == "image/jpeg"


def test_a_palette_with_a_transparent_colour_keeps_it() -> None:
    """A palette picture becomes true colour, and its holes stay holes."""
    image = read(saved(quarters().quantize(4), transparency=bytes([0, 255, 255, 255])))

    assert image.mode == "RGBA"
    assert image.getchannel("A").getextrema() == (0, 255)


@pytest.mark.parametrize(
    ("mode", "clear"), [("L", 255), ("RGB", WHITE), ("1", 1), ("I;16", 65535), ("P", 0)]
)
def test_a_colour_that_means_transparent_is_transparent(mode: str, clear: object) -> None:
    """The oldest form of PNG transparency works in every mode."""
    image = Image.fromarray(np.full((48, 64), 65535, np.uint16))
    if mode != "I;16":
        image = Image.new("RGB", (64, 48), WHITE).convert(mode)
        image.putpixel((0, 0), (1, 2, 3) if mode == "RGB" else 0)
    else:
        image.putpixel((0, 0), 0)
    clear_or_index = image.getpixel((9, 9)) if mode == "P" else clear

    sent = read(saved(image, transparency=clear_or_index))

    assert sent.getchannel("A").getpixel((9, 9)) == 0
    assert sent.getchannel("A").getpixel((0, 0)) == 255


@pytest.mark.parametrize(("depth", "row"), [(2, b"\x00\x55" * 4), (4, b"\x00\x00\x11\x11" * 4)])
def test_a_transparent_gray_of_few_bits_is_transparent(depth: int, row: bytes) -> None:
    """Programs that make PNGs small keep four or sixteen grays, and say which one is clear."""
    header = struct.pack(">2I5B", 32, 32, depth, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + row * (32 * depth // 8 // len(row))) * 32)
    png = chunk(b"IHDR", header) + chunk(b"tRNS", b"\0\x01") + chunk(b"IDAT", rows)

    sent = read(b"\x89PNG\r\n\x1a\n" + png + chunk(b"IEND", b""))

    alpha = np.asarray(sent.getchannel("A"))
    assert set(alpha[:, :4].flat) == {255}
    assert set(alpha[:, 4:8].flat) == {0}


@pytest.mark.parametrize("depth", [1, 8, 16])
def test_gray_becomes_gray(depth: int) -> None:
    """Bits and shades keep their brightness, at every depth."""
    shades = np.tile(np.array([[0] * 32 + [255] * 32], np.uint8), (48, 1))
    image = {
        1: Image.fromarray(shades).convert("1"),
        8: Image.fromarray(shades),
        16: Image.fromarray(shades.astype(np.uint16) * 257),
    }[depth]

    black, white = (0, 0, 0), WHITE
    assert corners(read(saved(image))) == [black, white, black, white]


def test_16_bits_of_gray_are_scaled_not_cut() -> None:
    """A mid gray of 16 bits is a mid gray of 8."""
    image = Image.fromarray(np.full((32, 32), 32768, np.uint16))

    assert read(saved(image)).getpixel((16, 16)) == pytest.approx((128, 128, 128), abs=1)


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_16_bits_a_channel_are_read(channels: int) -> None:
    """Deep PNGs, with and without colour and alpha, are sent with 8 bits."""
    row = b"\0" + struct.pack(f">{channels}H", *[32768] * channels) * 32
    data = png(32, 32, row * 32, depth=16, colours={2: 4, 3: 2, 4: 6}[channels])

    image = read(data)

    assert image.convert("RGB").getpixel((16, 16)) == pytest.approx((128, 128, 128), abs=1)
    assert image.mode == ("RGB" if channels == 3 else "RGBA")


@pytest.mark.parametrize("size", [(64, 48), (4096, 3072)])
def test_print_colours_become_screen_colours(size: tuple[int, int]) -> None:
    """A CMYK JPEG is not sent as its negative."""
    assert corners(read(saved(quarters(*size).convert("CMYK"), "JPEG"))) == [
        *(RED, GREEN, BLUE, WHITE)
    ]


def test_a_phones_photo_with_a_second_picture_inside_is_taken() -> None:
    """Portrait and HDR photos carry further pictures behind the first; the first one counts."""
    second = Image.new("RGB", (64, 48), WHITE)

    data = saved(quarters(), "MPO", save_all=True, append_images=[second])

    assert corners(read(data)) == [RED, GREEN, BLUE, WHITE]


@pytest.mark.parametrize("options", [{"progressive": True}, {"optimize": True}, {"subsampling": 2}])
def test_every_kind_of_jpeg_is_read(options: dict[str, Any]) -> None:
    """Progressive and subsampled photos are ordinary ones."""
    assert corners(read(saved(quarters(), "JPEG", **options))) == [RED, GREEN, BLUE, WHITE]


# --- what is refused


def png(width: int, height: int, rows: bytes = b"", *, depth: int = 8, colours: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colours, 0, 0, 0)
    parts = [chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def chunk(name: bytes, content: bytes) -> bytes:
    check = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + check


def webp_canvas(width: int, height: int) -> bytes:
    extended = struct.pack("<I", 0)
    extended += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + extended


def jpeg_of_scans(count: int) -> bytes:
    data = saved(quarters(), "JPEG", progressive=True)
    last = data[data.rindex(b"\xff\xda") : -2]
    return data[:-2] + last * count + data[-2:]


@pytest.mark.parametrize("index", [0, 1, 3])
def test_a_refusal_names_the_picture(index: int) -> None:
    """With four pictures sent, the user learns which one is wrong, and what to do."""
    assert refusal(b"GIF89a" + b"\0" * 99, index) == (
        f"images[{index}]: not a PNG, JPEG or WebP file; convert it to one of these."
    )


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "PPM", "ICO", "PDF"])
def test_only_three_forms_are_read(form: str) -> None:
    """The type is what the bytes say; Pillow's other parsers are never reached."""
    assert "not a PNG, JPEG or WebP file" in refusal(saved(quarters(), form))


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"\xff\xd8", b"\x89PNG", b"RIFF\0\0\0\0WEBM"])
def test_scraps_are_refused(data: bytes) -> None:
    """Too few bytes to be a picture are no picture."""
    assert "not a PNG, JPEG or WebP file" in refusal(data)


def test_too_many_bytes_are_refused() -> None:
    """What the bucket takes is the most that is looked at."""
    assert "20,971,521 bytes are too many" in refusal(saved(quarters()).ljust(20_971_521))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(png(5001, 5001), id="PNG"),
        pytest.param(png(2**31 - 1, 2**31 - 1), id="PNG, the most it can say"),
        pytest.param(webp_canvas(16383, 16383), id="WebP"),
    ],
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(data: bytes) -> None:
    """The header is enough: no pixel is decoded, no canvas allotted."""
    assert "pixels are too many" in refusal(data)


def test_a_big_photo_is_taken_and_a_giant_one_refused() -> None:
    """A phone's 50 megapixels are welcome as JPEG; more than that is not."""
    small = saved(Image.new("L", (64, 48)), "JPEG")
    at = small.index(b"\xff\xc0") + 5

    giant = small[:at] + struct.pack(">HH", 8001, 8001) + small[at + 4 :]

    assert read(saved(Image.new("L", (8160, 6120)), "JPEG")).size == (2048, 1536)
    assert "8001 x 8001 pixels are too many; send at most 50 million" in refusal(giant)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("size", [(19, 64), (64, 19), (1, 1)])
def test_a_tiny_picture_is_refused(size: tuple[int, int], form: str) -> None:
    """Providers refuse less than 20 pixels a side, after the upload; so it is said before."""
    assert f"{size[0]} x {size[1]} pixels are too few" in refusal(saved(quarters(*size), form))


def test_a_ribbon_is_refused() -> None:
    """What would be under 20 pixels wide once it is shrunk is refused with its own size."""
    assert "8000 x 40 pixels are too narrow" in refusal(saved(quarters(8000, 40)))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
def test_an_animation_is_refused(form: str) -> None:
    """Which of the frames is meant, only the user knows."""
    frames = [Image.new("RGB", (64, 48), colour) for colour in (RED, GREEN)]

    assert "is an animation" in refusal(
        saved(quarters(), form, save_all=True, append_images=frames)
    )


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_refused(share: float, form: str) -> None:
    """Half an upload is not sent as a picture with a grey lower half."""
    noise = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    data = saved(Image.fromarray(noise), form)

    assert "can't be read" in refusal(data[: int(len(data) * share)])


def test_a_jpeg_of_endless_scans_is_refused() -> None:
    """Small files that keep a core busy for minutes are known by their scans."""
    assert "too many scans" in refusal(jpeg_of_scans(100))
    assert read(jpeg_of_scans(10)).size == (64, 48)


def test_a_png_of_endless_chunks_is_refused() -> None:
    """Small files that keep Python busy for many seconds are known by their chunks."""
    data = saved(quarters())
    stuffed = data[:33] + chunk(b"tExt", b"") * 25_000 + data[33:]

    assert "too many chunks" in refusal(stuffed)


def zeros(megabytes: int) -> bytes:
    """Packed to a thousandth; after a full flush the same input packs to the same bytes."""
    packer = zlib.compressobj(9)
    first, each = (
        packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    return first + each * (megabytes - 1) + packer.flush()


@pytest.mark.timeout(30)
@pytest.mark.parametrize("name", [b"zTXt", b"iCCP", b"IDAT"])
def test_a_zip_bomb_in_a_chunk_does_no_harm(name: bytes) -> None:
    """5 GB of zeros in a text, a profile or the pixels themselves are never held."""
    packed = zeros(5000)
    content = packed if name == b"IDAT" else b"name\0\0" + packed
    data = saved(quarters())

    outcome = prepare_picture(data[:33] + chunk(name, content) + data[33:], 0)

    assert isinstance(outcome, Picture | Failure)


# --- anything at all


def seeds() -> list[bytes]:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    plain: dict[str, Any] = {"exif": exif, "icc_profile": srgb()}
    return [
        saved(quarters(), "JPEG", **plain),
        saved(quarters(), "JPEG", progressive=True),
        saved(quarters().convert("CMYK"), "JPEG"),
        saved(quarters(), **plain),
        saved(translucent()),
        saved(translucent("LA")),
        saved(quarters().quantize(4), transparency=bytes([0, 255, 255, 255])),
        saved(Image.fromarray(np.full((48, 64), 700, np.uint16)), transparency=700),
        saved(quarters(), "WEBP", **plain),
        saved(translucent(), "WEBP", lossless=True),
        saved(quarters(), "MPO", save_all=True, append_images=[quarters()]),
        saved(quarters(), save_all=True, append_images=[translucent()]),
    ]


SEEDS = seeds()


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for at, piece in draw(pieces(len(data))):
        data[at : at + len(piece)] = piece
    cut = draw(st.none() | st.integers(0, len(data)))
    return repaired(bytes(data[:cut]))


def pieces(length: int) -> st.SearchStrategy[Sequence[tuple[int, bytes]]]:
    """Most damage is done near the start, where the headers are."""
    place = st.integers(0, 200) | st.integers(0, length)
    return st.lists(st.tuples(place, st.binary(min_size=1, max_size=8)), min_size=1, max_size=8)


def repaired(data: bytes) -> bytes:
    """PNG with its checksums put right again: without, nothing behind them would be reached."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    at, parts = 8, [data[:8]]
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        parts.append(chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    return b"".join(parts)


@settings(max_examples=400, deadline=10_000, derandomize=True)
@given(mutated() | st.binary(max_size=200))
def test_any_bytes_at_all_end_as_a_picture_or_a_refusal(data: bytes) -> None:
    """No file raises, none takes seconds, and what is taken is a picture within the limits."""
    outcome = prepare_picture(data, 2)

    if isinstance(outcome, Failure):
        assert outcome.detail.startswith("images[2]: ")
        assert outcome.detail.isprintable()
        return
    image = Image.open(BytesIO(outcome.data))
    image.load()
    assert 20 <= min(image.size) <= max(image.size) <= 2048
