"""What was found in a file."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Finding:
    code: str  # a fixed word, for programs
    place: str  # as errors name it: "mesh 0 primitive 1"
    text: str


@dataclass(frozen=True, slots=True)
class PrimitiveFacts:
    mesh: int
    primitive: int
    name: str
    mode: str
    triangles: int
    vertices: int
    attributes: dict[str, str]  # "POSITION": "f32 x 3"
    material: int | None
    morph_targets: int
    compression: str  # "", "draco" or "meshopt"


@dataclass(frozen=True, slots=True)
class TextureFacts:
    image: int
    name: str
    role: str
    space: str
    mime: str
    bytes: int
    size: tuple[int, int] | None


@dataclass(frozen=True, slots=True)
class Findings:
    bytes: int
    bytes_by_kind: dict[str, int]
    primitives: tuple[PrimitiveFacts, ...]
    textures: tuple[TextureFacts, ...]
    counts: dict[str, int]  # of nodes, materials, animations …
    extensions_used: tuple[str, ...]
    extensions_required: tuple[str, ...]
    findings: tuple[Finding, ...] = field(default=())

    @property
    def triangles(self) -> int:
        return sum(primitive.triangles for primitive in self.primitives)

    @property
    def vertices(self) -> int:
        return sum(primitive.vertices for primitive in self.primitives)

    def to_dict(self) -> dict[str, Any]:
        """For JSON: names and plain values only."""
        return asdict(self) | {"triangles": self.triangles, "vertices": self.vertices}
