"""One image: looked at, perhaps written anew, and told of. Jobs run beside each other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.glb.report import TextureReport
from worker.glb.textures.choice import (
    CAREFUL,
    LEAST_GAIN_LOSSLESS,
    LEAST_GAIN_LOSSY,
    Aim,
)
from worker.glb.textures.encoding import Encoding
from worker.glb.textures.once import Once
from worker.glb.textures.roles import Role
from worker.glb.textures.source import JPEG, PNG, Source

if TYPE_CHECKING:
    from PIL.Image import Image

# A picture of flat areas is smaller without loss; one that isn't shows it by how large a PNG it is.
WORTH_TRYING_LOSSLESS = 3
# So few bits a pixel of lossy WebP that nothing in it can be busy. Looking closer costs a sixth of
# the encoding; the maps that fell below 30 dB took 1 to 2 bits, those below 0.25 kept 37 and more.
CALM = 0.25


@dataclass(frozen=True, slots=True)
class TextureResult:
    """`data` is None where the image stays as it is. Equal bytes are one only in one `space`."""

    data: bytes | None
    mime: str
    space: str
    report: TextureReport


@dataclass(frozen=True, slots=True)
class Written:
    data: bytes
    encoding: Encoding
    size: tuple[int, int]
    note: str = ""


@dataclass(frozen=True, slots=True)
class TextureJob:
    image: int
    name: str
    source: Source = field(repr=False)
    role: Role
    aim: Aim
    once: "Once[Written | None]" = field(repr=False)

    @property
    def cost(self) -> int:
        """Time goes with the pixels; those of a PNG, often to be packed anew, cost most."""
        return self.source.pixels * (3 if self.source.mime == PNG else 1) * len(self.aim.ways)

    @property
    def side(self) -> int | None:
        """The longer side that it will have, where that is known."""
        longer = max(self.source.size or (0,))
        return min(longer, self.aim.side or longer) or None

    def run_alone(self) -> TextureResult:
        try:
            return self.run()
        except MemoryError:
            return self.kept("it takes more memory than there is")

    def run(self) -> TextureResult:
        """Raises MemoryError: what is done beside it may be what takes so much."""
        if not self.aim.ways:
            return self.kept(self.aim.why_not)
        try:
            written = self.once(
                (self.source.fingerprint, self.aim), lambda: write(self.source, self.aim)
            )
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - damaged pictures make decoders raise anything
            return self.kept(f"it can't be decoded: {error}")
        if written is None:
            return self.kept("its alpha channel fits into no smaller format")
        if not self.aim.forced and not gains(written, self.source):
            return self.kept(f"{written.encoding.label}, it would take {len(written.data)} bytes")
        return self.replaced(written)

    def kept(self, note: str) -> TextureResult:
        """In a data URI it grows by a third, and under a wrong name viewers refuse it."""
        source = self.source
        mislabelled = source.mime in (PNG, JPEG) and source.declared != source.mime
        moved = bool(source.mime) and (bool(source.uri) or mislabelled)
        if mislabelled:
            note = f"declared as {source.declared or 'nothing'}; {note}"
        data = source.copied if moved else None
        return self.result(data, source.mime, source.size, note)

    def replaced(self, written: Written) -> TextureResult:
        note = written.note or written.encoding.label
        return self.result(written.data, written.encoding.mime, written.size, note)

    def result(
        self, data: bytes | None, mime: str, size: tuple[int, int] | None, note: str
    ) -> TextureResult:
        source = self.source
        report = TextureReport(
            image=self.image,
            name=self.name,
            role=self.role.label,
            mime_before=source.mime,
            mime_after=mime,
            bytes_before=source.stored,
            bytes_after=source.stored if data is None else len(data),
            size_before=source.size,
            size_after=size,
            note=note,
        )
        return TextureResult(data, mime, self.role.space, report)


def gains(written: Written, source: Source) -> bool:
    least = LEAST_GAIN_LOSSLESS if written.encoding.lossless else LEAST_GAIN_LOSSY
    return len(written.data) <= least * source.stored


def write(source: Source, aim: Aim) -> Written | None:
    from worker.glb.textures.picture import decode, scaled  # noqa: PLC0415 - 80 ms, often not needed

    if source.data is None:
        return None
    image = decode(source.data, source.mime)
    if aim.side:
        image = scaled(image, aim.side)
    found = list(attempts(image, source, aim.ways))
    smallest = min(found, key=lambda written: len(written.data), default=None)
    if smallest is None or not aim.least_likeness or is_surely_faithful(smallest):
        return smallest
    return faithful(image, smallest, aim.least_likeness)


def attempts(image: "Image", source: Source, ways: Sequence[Encoding]) -> Iterator[Written]:
    from worker.glb.textures.picture import encode  # noqa: PLC0415 - as above

    for way in ways:
        if image.mode == "RGBA" and not way.can_hold_alpha:
            continue
        data = encode(image, way)
        yield Written(data, way, image.size)
        if not worth_trying_lossless(source, data):
            return


def worth_trying_lossless(source: Source, lossy: bytes) -> bool:
    cheap = source.is_flat or source.stored <= WORTH_TRYING_LOSSLESS * len(lossy)
    return source.is_lossless and cheap


def is_surely_faithful(written: Written) -> bool:
    width, height = written.size
    return written.encoding.lossless or len(written.data) * 8 < CALM * width * height


def faithful(image: "Image", written: Written, least_likeness: float) -> Written:
    from worker.glb.textures.picture import decode, encode, likeness  # noqa: PLC0415 - as above

    found = likeness(image, decode(written.data, written.encoding.mime))
    if found >= least_likeness or image.mode == "RGBA":
        return written
    note = f"JPEG of full color: {written.encoding.mime} would be only {found:.0f} dB alike"
    return Written(encode(image, CAREFUL), CAREFUL, image.size, note)
