"""Runs Draco over a document: several levels side by side, and the checks in between.

Imports nothing heavy before there is something to encode: a file of small parts needs no numpy.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING

from worker.glb.document import Document
from worker.glb.geometry.families import by_mesh
from worker.glb.geometry.groups import Group, accessor_bytes, find_groups
from worker.glb.geometry.levels import levels_for
from worker.glb.options import Options

if TYPE_CHECKING:
    from worker.glb.geometry.encode import Work
    from worker.glb.geometry.prepare import Prepared
    from worker.glb.geometry.verify import Decoded, Expected

TOO_SMALL = 400  # raw bytes below which Draco and the JSON that it needs never pay
NOT_ALONE = "another primitive of its mesh can't be encoded, and the seam would crack"


@dataclass(frozen=True, slots=True)
class Encoded:
    work: "Work"
    blob: bytes
    level: int
    decoded: "Decoded"
    position_error: float
    triangles_before: int
    note: str


@dataclass(frozen=True, slots=True)
class Outcome:
    group: Group
    encoded: Encoded | None
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class Running:
    prepared: "Prepared"
    expected: "Expected"
    attempts: dict[int, Future[bytes]]


Family = list[Outcome | Running]


def start(document: Document, options: Options, pool: Executor) -> list[Family]:
    """Everything is under way when this returns; what can't be done has its reason."""
    families = by_mesh(find_groups(document))
    return [start_family(document, family, options, pool) for family in families]


def leave(document: Document, why_not: str) -> list[Outcome]:
    return [Outcome(group, None, group.why_not or why_not) for group in find_groups(document)]


def finish(families: Sequence[Family]) -> Iterator[Outcome]:
    for family in families:
        outcomes = [finish_group(member) for member in family]
        running = sum(isinstance(member, Running) for member in family)
        if sum(outcome.encoded is not None for outcome in outcomes) == running:
            yield from outcomes
        else:
            yield from map(left_alone, outcomes)


def start_family(
    document: Document, family: Sequence[Group], options: Options, pool: Executor
) -> Family:
    left: Family = [Outcome(group, None, group.why_not) for group in family if group.why_not]
    eligible = [group for group in family if not group.why_not]
    if raw_bytes(document, eligible) < TOO_SMALL:
        return left + [Outcome(group, None, "too small to gain") for group in eligible]

    from worker.glb.geometry.prepare import Refused, prepare_family  # noqa: PLC0415 - heavy

    prepared = prepare_family(document, family, options)
    if isinstance(prepared, Refused):
        return left + [Outcome(group, None, prepared.why) for group in eligible]
    return left + [run(one, options, pool) for one in prepared]


def raw_bytes(document: Document, groups: Sequence[Group]) -> int:
    accessors = {accessor for group in groups for accessor in group.accessors}
    return sum(accessor_bytes(document, accessor) for accessor in accessors)


def run(prepared: "Prepared", options: Options, pool: Executor) -> Running:
    from worker.glb.geometry.encode import encode  # noqa: PLC0415 - heavy
    from worker.glb.geometry.verify import expect  # noqa: PLC0415 - heavy

    levels = levels_for(len(prepared.work.faces), options)
    attempts = {level: pool.submit(encode, prepared.work, level) for level in levels}
    return Running(prepared, expect(prepared.work), attempts)


def finish_group(member: Outcome | Running) -> Outcome:
    if isinstance(member, Outcome):
        return member

    from worker.glb.geometry.encode import EncodingError  # noqa: PLC0415 - heavy

    try:
        return Outcome(member.prepared.group, smallest(member))
    except EncodingError as error:
        return Outcome(member.prepared.group, None, str(error))


def smallest(running: Running) -> Encoded:
    from worker.glb.geometry.verify import verify  # noqa: PLC0415 - heavy

    blobs = {level: attempt.result() for level, attempt in running.attempts.items()}
    level = min(blobs, key=lambda level: len(blobs[level]))
    work = running.prepared.work
    return Encoded(
        work=work,
        blob=blobs[level],
        level=level,
        decoded=verify(blobs[level], work, running.expected),
        position_error=running.expected.position_error,
        triangles_before=running.prepared.shape.triangles_before,
        note=running.prepared.note,
    )


def left_alone(outcome: Outcome) -> Outcome:
    return Outcome(outcome.group, None, NOT_ALONE) if outcome.encoded else outcome
