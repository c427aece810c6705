"""One picture written anew: the ways that were chosen, and a closer look at what they lose."""

from collections.abc import Iterator, Sequence

from PIL.Image import Image

from worker.glb.textures.choice import CAREFUL, LEAST_LIKENESS, Aim
from worker.glb.textures.encoding import PNG_AGAIN, WEBP_LOSSLESS, Encoding, Written
from worker.glb.textures.picture import decode, encode, is_palette, likeness, scaled
from worker.glb.textures.source import WEBP, Source

# A picture of flat areas is smaller without loss; one that isn't shows it by how large a PNG it is.
WORTH_TRYING_LOSSLESS = 3
# So few bits a pixel of lossy WebP that nothing in it can be busy. Looking closer costs a sixth of
# the encoding; the maps that fell below 30 dB took 1 to 2 bits, those below 0.25 kept 37 and more.
CALM = 0.25
# In a palette each texel stands for itself, and surfaces take their colour from it: lossy formats
# mix the cells, down to 12 dB, and save a few hundred bytes. Photographs save more than this.
WORTH_BLURRING = 1024


def write(source: Source, aim: Aim) -> Written | None:
    if source.data is None:
        return None
    image = decode(source.data, source.mime)
    if aim.side:
        image = scaled(image, aim.side)
    found = list(attempts(image, source, aim.ways))
    smallest = min(found, key=lambda written: len(written.data), default=None)
    return smallest and faithful(image, smallest, aim)


def attempts(image: Image, source: Source, ways: Sequence[Encoding]) -> Iterator[Written]:
    for way in ways:
        if image.mode == "RGBA" and not way.can_hold_alpha:
            continue
        written = in_form(image, way)
        yield written
        if not worth_trying_lossless(source, written.data):
            return


def worth_trying_lossless(source: Source, lossy: bytes) -> bool:
    cheap = source.is_flat or source.stored <= WORTH_TRYING_LOSSLESS * len(lossy)
    return source.is_lossless and cheap


def faithful(image: Image, written: Written, aim: Aim) -> Written:
    if written.encoding.lossless:
        return written
    if written.encoding.mixes_color and is_palette(image):
        return palette(image, written)
    if not aim.is_data or is_calm(written):
        return written
    found = likeness_of(image, written)
    return written if found >= LEAST_LIKENESS else careful(image, written, aim, found)


def is_calm(written: Written) -> bool:
    width, height = written.size
    return len(written.data) * 8 < CALM * width * height


def palette(image: Image, written: Written) -> Written:
    lossless = in_form(image, WEBP_LOSSLESS if written.encoding.mime == WEBP else PNG_AGAIN)
    blurs_for_little = len(lossless.data) <= len(written.data) + WORTH_BLURRING
    if blurs_for_little or likeness_of(image, written) < LEAST_LIKENESS:
        return lossless
    return written


def careful(image: Image, written: Written, aim: Aim, found: float) -> Written:
    why = f"{written.encoding.mime} would be only {found:.0f} dB alike"
    if image.mode == "RGBA" and not aim.drops_alpha:
        return in_form(image, WEBP_LOSSLESS, f"without loss: {why}")
    return in_form(image.convert("RGB"), CAREFUL, f"JPEG of full color: {why}")


def in_form(image: Image, encoding: Encoding, note: str = "") -> Written:
    return Written(encode(image, encoding), encoding, image.size, note)


def likeness_of(image: Image, written: Written) -> float:
    other = decode(written.data, written.encoding.mime)
    return likeness(image, other, as_seen=not written.encoding.keeps_hidden_color)
