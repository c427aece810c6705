"""Runs Draco over a document, primitive beside primitive.

Imports nothing heavy before there is something to encode: a file of small parts needs no numpy.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import TYPE_CHECKING, NamedTuple

from worker.glb.document import Document
from worker.glb.geometry.allowance import Allowance, work_bytes
from worker.glb.geometry.families import by_mesh
from worker.glb.geometry.groups import Group, accessor_bytes, find_groups, judged
from worker.glb.geometry.stretch import Stretches
from worker.glb.geometry.texels import Sides, Texels
from worker.glb.options import Options

if TYPE_CHECKING:
    from worker.glb.geometry.attempt import Attempt
    from worker.glb.geometry.encode import Work
    from worker.glb.geometry.faces import Shape
    from worker.glb.geometry.prepare import Prepared
    from worker.glb.geometry.verify import Decoded, Expected

TOO_MUCH = "the file has more geometry than is worked on in one go"
CROWDED = "too many triangles meet in one place for Draco"
TOO_SMALL = 400  # raw bytes below which Draco and the JSON that it needs never pay
NO_AREA = "it has no triangle with an area"
NOT_ALONE = "another primitive of its mesh can't be encoded, and the seam would crack"


class Encoded(NamedTuple):
    work: "Work"
    blob: bytes
    level: int
    decoded: "Decoded"
    position_error: float
    triangles_before: int
    note: str


class Outcome(NamedTuple):
    group: Group
    encoded: Encoded | None
    why_not: str = ""


class Running(NamedTuple):
    prepared: "Prepared"
    expected: "Future[Expected]"
    attempt: "Future[Attempt]"

    @property
    def triangles(self) -> int:
        return len(self.prepared.work.faces)


Family = list[Outcome | Running]


def start(document: Document, options: Options, pool: Executor, sides: Sides) -> list[Family]:
    """Everything is under way when this returns; what can't be done has its reason."""
    families = by_mesh(find_groups(document))
    shown = Texels(document, sides), Stretches(document)
    start = Start(document, options, pool, *shown, Allowance.of(document))
    return [start.family(family) for family in families]


def leave(document: Document, why_not: str) -> list[Outcome]:
    return [Outcome(group, None, why_not) for group in find_groups(document)]


def finish(families: Sequence[Family]) -> Iterator[Outcome]:
    for family in families:
        outcomes = [finish_group(member) for member in family]
        running = sum(isinstance(member, Running) for member in family)
        if sum(outcome.encoded is not None for outcome in outcomes) == running:
            yield from outcomes
        else:
            yield from map(left_alone, outcomes)


class Start(NamedTuple):
    document: Document
    options: Options
    pool: Executor
    texels: Texels
    stretches: Stretches
    allowance: Allowance

    def family(self, family: Sequence[Group]) -> Family:
        if (size := raw_bytes(self.document, family)) < TOO_SMALL:
            return [Outcome(group, None, self.why_so_small(group, size)) for group in family]
        family = [judged(self.document, group) for group in family]
        left: Family = [Outcome(group, None, group.why_not) for group in family if group.why_not]
        eligible = [group for group in family if not group.why_not]
        if not eligible:
            return left
        prepared = self.prepared(family)
        if isinstance(prepared, str):
            return left + [Outcome(group, None, prepared) for group in eligible]
        with_area = {id(one.group) for one in prepared}
        left += [Outcome(g, None, NO_AREA) for g in eligible if id(g) not in with_area]
        return left + [run(one, self.options, self.pool) for one in prepared]

    def why_so_small(self, group: Group, size: int) -> str:
        """What an encoder compressed has no bytes of its own, however many triangles it has."""
        return (not size and judged(self.document, group).why_not) or "too small to gain"

    def prepared(self, family: Sequence[Group]) -> "list[Prepared] | str":
        """Or why not."""
        if not self.allowance.grants(work_bytes(self.document, family)):
            return TOO_MUCH

        from worker.glb.geometry.prepare import Refused, prepare_family  # noqa: PLC0415 - heavy

        found = prepare_family(self.document, family, self.options, self.texels, self.stretches)
        if isinstance(found, Refused):
            return found.why
        return self.why_so_crowded([one.shape for one in found]) or found

    def why_so_crowded(self, shapes: "Sequence[Shape]") -> str:
        from worker.glb.geometry.crowding import PAIRS_A_BYTE, is_crowded, pairs  # noqa: PLC0415 - heavy

        found = [pairs(shape) for shape in shapes]
        if any(map(is_crowded, shapes, found)):
            return CROWDED
        return "" if self.allowance.grants(sum(found) // PAIRS_A_BYTE) else TOO_MUCH


def raw_bytes(document: Document, groups: Sequence[Group]) -> int:
    accessors = {accessor for group in groups for accessor in group.accessors}
    return sum(accessor_bytes(document, accessor) for accessor in accessors)


def run(prepared: "Prepared", options: Options, pool: Executor) -> Running:
    """Draco works in the pool while this thread takes down what it must give."""
    from worker.glb.geometry.attempt import attempt, promise  # noqa: PLC0415 - heavy

    expected = Future["Expected"]()
    running = pool.submit(attempt, prepared.work, expected, options)
    promise(expected, prepared.work)
    return Running(prepared, expected, running)


def finish_group(member: Outcome | Running) -> Outcome:
    if isinstance(member, Outcome):
        return member

    from worker.glb.geometry.encode import EncodingError  # noqa: PLC0415 - heavy

    try:
        return Outcome(member.prepared.group, encoded(member))
    except EncodingError as error:
        return Outcome(member.prepared.group, None, str(error))


def encoded(running: Running) -> Encoded:
    made = running.attempt.result()
    return Encoded(
        work=running.prepared.work,
        blob=made.blob,
        level=made.level,
        decoded=made.decoded,
        position_error=running.expected.result().position_error,
        triangles_before=running.prepared.shape.triangles_before,
        note=running.prepared.note,
    )


def left_alone(outcome: Outcome) -> Outcome:
    return Outcome(outcome.group, None, NOT_ALONE) if outcome.encoded else outcome
