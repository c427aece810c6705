"""What was done to a file, piece by piece, and what was left alone and why."""

from typing import Any, NamedTuple

UNCHANGED = "unchanged"


class PrimitiveReport(NamedTuple):
    mesh: int
    primitive: int
    name: str
    encoding: str  # "draco", "raw", "shared with mesh 0 primitive 1", …
    bytes_before: int
    bytes_after: int
    triangles_before: int = 0
    triangles_after: int = 0
    vertices_before: int = 0
    vertices_after: int = 0
    level: int | None = None
    position_bits: int | None = None
    position_error: float | None = None  # of the farthest vertex, in the mesh's own units
    note: str = ""  # why it was left alone, or what was mended

    def as_it_was(self, why: str) -> "PrimitiveReport":
        """The same where, in the end, the whole file was left alone."""
        if self.bytes_after == self.bytes_before:
            return self
        return PrimitiveReport(
            mesh=self.mesh,
            primitive=self.primitive,
            name=self.name,
            encoding=UNCHANGED,
            bytes_before=self.bytes_before,
            bytes_after=self.bytes_before,
            triangles_before=self.triangles_before,
            triangles_after=self.triangles_before,
            vertices_before=self.vertices_before,
            vertices_after=self.vertices_before,
            note=why,
        )


class TextureReport(NamedTuple):
    image: int
    name: str
    role: str
    mime_before: str
    mime_after: str
    bytes_before: int
    bytes_after: int
    size_before: tuple[int, int] | None = None
    size_after: tuple[int, int] | None = None
    note: str = ""

    def as_it_was(self, why: str) -> "TextureReport":
        """The same where the image was left alone after all."""
        return self._replace(
            mime_after=self.mime_before,
            bytes_after=self.bytes_before,
            size_after=self.size_before,
            note=self.note if self.bytes_after == self.bytes_before else why,
        )


class Report(NamedTuple):
    preset: str
    bytes_before: int
    bytes_after: int
    seconds: float
    primitives: tuple[PrimitiveReport, ...] = ()
    textures: tuple[TextureReport, ...] = ()
    notes: tuple[str, ...] = ()  # about the file as a whole

    @property
    def ratio(self) -> float:
        return self.bytes_after / self.bytes_before

    @property
    def triangles_before(self) -> int:
        return sum(primitive.triangles_before for primitive in self.primitives)

    @property
    def triangles_after(self) -> int:
        return sum(primitive.triangles_after for primitive in self.primitives)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: names and plain values only."""
        return self._asdict() | {
            "primitives": [primitive._asdict() for primitive in self.primitives],
            "textures": [texture._asdict() for texture in self.textures],
            "ratio": round(self.ratio, 4),
            "triangles_before": self.triangles_before,
            "triangles_after": self.triangles_after,
        }
