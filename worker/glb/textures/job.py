"""One image: looked at, perhaps written anew, and told of. Jobs run beside each other."""

from dataclasses import dataclass, field

from worker.glb.report import TextureReport
from worker.glb.textures.choice import LEAST_GAIN_LOSSLESS, LEAST_GAIN_LOSSY, Aim, longer_side
from worker.glb.textures.encoding import Written
from worker.glb.textures.once import Once
from worker.glb.textures.roles import Role
from worker.glb.textures.source import JPEG, PNG, WEBP, LeftAloneError, Source


@dataclass(frozen=True, slots=True)
class TextureResult:
    """`data` is None where the image stays as it is. Equal bytes are one only in one `space`."""

    data: bytes | None
    mime: str
    space: str
    report: TextureReport
    may_declare_webp: bool


@dataclass(frozen=True, slots=True)
class TextureJob:
    image: int
    name: str
    source: Source = field(repr=False)
    role: Role
    aim: Aim
    once: "Once[Written | None]" = field(repr=False)
    may_declare_webp: bool

    @property
    def cost(self) -> int:
        """Time goes with the pixels; those of a PNG, often to be packed anew, cost most."""
        return self.source.pixels * (3 if self.source.mime == PNG else 1) * len(self.aim.ways)

    @property
    def side(self) -> int | None:
        """The longer side that it will have, where that is known."""
        if self.aim.side and self.will_be_scaled:
            return self.aim.side
        return longer_side(self.source) or None

    @property
    def will_be_scaled(self) -> bool:
        """Coordinates that were rounded for a smaller picture would be too coarse for this one."""
        webp = any(way.mime == WEBP for way in self.aim.ways)
        return (self.may_declare_webp or not webp) and not self.source.may_stay

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
            written = self.once((self.source.fingerprint, self.aim), self.write)
        except MemoryError:
            raise
        except LeftAloneError as error:
            return self.kept(str(error))
        except Exception as error:  # noqa: BLE001 - damaged pictures make decoders raise anything
            return self.kept(f"it can't be decoded: {error}")
        if written is None:
            return self.kept("its alpha channel fits into no smaller format")
        if not self.aim.forced and not gains(written, self.source):
            return self.kept(f"{written.encoding.label}, it would take {len(written.data)} bytes")
        return self.replaced(written)

    def write(self) -> Written | None:
        from worker.glb.textures.writing import write  # noqa: PLC0415 - 80 ms, often not needed

        return write(self.source, self.aim)

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
        return TextureResult(data, mime, self.role.space, report, self.may_declare_webp)


def gains(written: Written, source: Source) -> bool:
    least = LEAST_GAIN_LOSSLESS if written.encoding.lossless else LEAST_GAIN_LOSSY
    return len(written.data) <= least * source.stored
