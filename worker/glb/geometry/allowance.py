"""How much geometry is worked on in one go. Little JSON may ask for the same vertices for ever."""

from collections.abc import Sequence
from dataclasses import dataclass

from worker.glb.document import Document
from worker.glb.geometry.groups import Group, accessor_bytes, staying_positions
from worker.glb.layout import element_bytes
from worker.glb.limits import MAX_GEOMETRY_BYTES, MAX_GEOMETRY_TIMES_FILE

CORNER_BYTES = (4, 4, 4, 4, 4, 12, 12)  # by mode: strips and fans become lists
MARKED_A_BYTE = 16  # vertices marked as used in the time that one byte of the others takes


@dataclass(slots=True)
class Allowance:
    left: int

    @classmethod
    def of(cls, document: Document) -> "Allowance":
        return cls(max(MAX_GEOMETRY_BYTES, MAX_GEOMETRY_TIMES_FILE * document.size))

    def grants(self, work: int) -> bool:
        self.left -= work
        return self.left >= 0


def work_bytes(document: Document, family: Sequence[Group]) -> int:
    moving = sum(bytes_to_encode(document, group) for group in family if not group.why_not)
    return moving + sum(bytes_to_compare(document, index) for index in staying_positions(family))


def bytes_to_encode(document: Document, group: Group) -> int:
    """What is read, and made on the way: indices as wide as they get, vertices in use."""
    accessors = document.items("accessors")
    attributes = [accessors[index] for index in group.attributes.values()]
    vertices = max((accessor["count"] for accessor in attributes), default=0)
    corners = vertices if group.indices is None else accessors[group.indices]["count"]
    used = min(vertices, corners) * sum(map(element_bytes, attributes))
    return corners * CORNER_BYTES[group.mode] + used + vertices // MARKED_A_BYTE


def bytes_to_compare(document: Document, positions: int | None) -> int:
    return 0 if positions is None else accessor_bytes(document, positions)
