"""The whole: read, check, make smaller, write, read again; and never a larger file than before."""

import gc
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

from worker.glb.assemble import assemble
from worker.glb.container import Buffer, UnwritableError
from worker.glb.document import Document
from worker.glb.draft import Draft
from worker.glb.errors import GlbError
from worker.glb.extensions import ACCESSORS, extension_uses, names_bytes, unknown_extensions
from worker.glb.geometry.compress import Family, Outcome, Running, finish, leave, start
from worker.glb.geometry.gain import paying
from worker.glb.geometry.reports import held_bytes, primitive_reports, with_undone
from worker.glb.images import apply_textures
from worker.glb.options import Options, Preset
from worker.glb.progress import TRIANGLE, Progress, Watch, ignore
from worker.glb.prune import prune
from worker.glb.references import check_extensions, count_references
from worker.glb.report import PrimitiveReport, Report, TextureReport
from worker.glb.validate import validate
from worker.glb.workers import workers

if TYPE_CHECKING:
    from worker.glb.textures import TextureJob, TextureResult

NO_GAIN = "it would not become smaller"
REFUSED_BY_SOME = frozenset(
    {"EXT_texture_webp", "KHR_draco_mesh_compression", "KHR_mesh_quantization"}
)


class UnsoundError(Exception):
    """A fault of this package, found in time: nothing was written. No file's author can mend it."""


class Result(NamedTuple):
    data: bytes
    report: Report


def optimize(
    data: Buffer,
    options: Options = Options(),  # noqa: B008 - immutable
    watch: Watch = ignore,
) -> Result:
    """Make a GLB smaller. Raises GlbError, naming the place, where it can't be read.

    The result is the input itself where nothing could be gained, or where what was made of it is
    not sound: a note then says so. `watch` is told, from any thread,
    how much of the work is done.
    """
    started = time.perf_counter()
    draft = read(data)
    reason = reason_to_leave(draft)
    try:
        result = left(data, options, reason) if reason else rewrite(data, draft, options, watch)
    except UnwritableError as error:
        result = left(data, options, error.problem)
    except UnsoundError as error:
        result = left(data, options, f"a fault of this optimiser, found in time: {error}")
    seconds = time.perf_counter() - started
    return result._replace(report=result.report._replace(seconds=seconds))


def read(data: Buffer) -> Draft:
    document = Document.read(data)
    uses = extension_uses(document)
    validate(document)
    check_extensions(document, uses)
    return Draft.of(document, uses, unknown_extensions(document, uses))


def reason_to_leave(draft: Draft) -> str:
    if naming := [use.name for use in draft.uses if use.name in draft.unknown and names_bytes(use)]:
        return f"{naming[0]}, which is not known here, names bytes by their place"
    if required := sorted(set(draft.document.extensions_required) & set(draft.unknown)):
        return f"it requires {', '.join(required)}, which is not known here"
    if draft.document.items("buffers") and not draft.document.owns_buffer_0:
        return "its first buffer lies outside the file"
    return ""


def left(data: Buffer, options: Options, note: str) -> Result:
    size = memoryview(data).nbytes
    report = Report(str(options.preset), size, size, 0.0, notes=(f"left as it is: {note}",))
    return Result(bytes(data), report)


def rewrite(data: Buffer, draft: Draft, options: Options, watch: Watch) -> Result:
    size = draft.document.size
    refused = refused_by_some(draft) if undoes_compression(draft, options) else 0
    outcomes, pictures = work(draft, options, Progress(watch))
    primitives = primitive_reports(draft.document, outcomes)
    apply_geometry(draft, outcomes)
    textures = apply_textures(draft, pictures)
    if refused:
        primitives = undo_compression(draft, primitives)
    prune(draft)
    written = assemble(draft)
    report = Report(str(options.preset), size, size, 0.0, notes=tuple(notes_on(draft)))
    may_grow = refused_by_some(draft) < refused
    if len(written) >= size and not may_grow:
        return unchanged(data, report, primitives, textures)
    confirm(written, draft)
    report = report._replace(
        bytes_after=len(written),
        primitives=tuple(primitives),
        textures=tuple(textures),
    )
    return Result(written, report)


def unchanged(
    data: Buffer,
    report: Report,
    primitives: Sequence[PrimitiveReport],
    textures: Sequence[TextureReport],
) -> Result:
    report = report._replace(
        primitives=tuple(primitive.as_it_was(NO_GAIN) for primitive in primitives),
        textures=tuple(texture.as_it_was(NO_GAIN) for texture in textures),
        notes=(*report.notes, f"left as it is: {NO_GAIN}"),
    )
    return Result(bytes(data), report)


def work(
    draft: Draft, options: Options, progress: Progress
) -> "tuple[list[Outcome], list[TextureResult]]":
    """What lacks memory beside other work may have enough alone: what fits is no matter of luck."""
    with workers(1) as spare:
        with suppress(MemoryError), workers(options.threads) as pool:
            return side_by_side(draft, options, progress, pool)
        gc.collect()  # what was given up lies in cycles
        return one_by_one(draft, options, spare)


def side_by_side(
    draft: Draft, options: Options, progress: Progress, pool: Executor
) -> "tuple[list[Outcome], list[TextureResult]]":
    """The largest picture and Draco first, the other pictures beside them."""
    jobs = plan_pictures(draft.document, options)
    pictures = [pool.submit(job.run) for job in jobs[:1]]
    families = start_geometry(draft, options, pool, jobs)
    pictures += [pool.submit(job.run) for job in jobs[1:]]
    costs = [job.cost for job in jobs]
    progress.follow([*zip(pictures, costs, strict=True), *weights_of(families)])
    return finish_geometry(draft, families), [picture.result() for picture in pictures]


def one_by_one(
    draft: Draft, options: Options, pool: Executor
) -> "tuple[list[Outcome], list[TextureResult]]":
    jobs = plan_pictures(draft.document, options)
    pictures = [job.run_alone() for job in jobs]
    families = start_geometry(draft, options, pool, jobs)
    return finish_geometry(draft, families), pictures


def weights_of(families: Sequence[Family]) -> Iterator[tuple[Future[Any], int]]:
    for family in families:
        for member in family:
            if isinstance(member, Running):
                yield member.attempt, TRIANGLE * member.triangles


def start_geometry(
    draft: Draft, options: Options, pool: Executor, jobs: "Sequence[TextureJob]"
) -> list[Family]:
    """Texture coordinates need be no finer than the textures will be."""
    if not may_encode(draft, options):
        return []
    sides = {job.image: job.side for job in jobs if job.side}
    return start(draft.document, options, pool, sides)


def finish_geometry(draft: Draft, families: Sequence[Family]) -> list[Outcome]:
    outcomes = list(finish(families)) or leave(draft.document, why_no_geometry(draft))
    return only_paying(draft, outcomes)


def only_paying(draft: Draft, outcomes: list[Outcome]) -> list[Outcome]:
    if not any(outcome.encoded for outcome in outcomes):
        return outcomes
    return paying(draft.document, outcomes, count_references(draft.document, draft.uses, ACCESSORS))


def plan_pictures(document: Document, options: Options) -> "list[TextureJob]":
    if not options.textures or not document.items("images"):
        return []
    from worker.glb.textures import plan_textures  # noqa: PLC0415 - Pillow takes its time

    return sorted(plan_textures(document, options), key=lambda job: job.cost, reverse=True)


def may_encode(draft: Draft, options: Options) -> bool:
    return options.geometry and options.draco and not draft.unknown


def why_no_geometry(draft: Draft) -> str:
    return "indices may be named by an unknown extension" if draft.unknown else "as was asked for"


def apply_geometry(draft: Draft, outcomes: Sequence[Outcome]) -> None:
    if any(outcome.encoded for outcome in outcomes):
        from worker.glb.geometry.apply import apply  # noqa: PLC0415 - numpy takes its time

        apply(draft, outcomes, count_references(draft.document, draft.uses, ACCESSORS))


def undoes_compression(draft: Draft, options: Options) -> bool:
    """True where the file has something that plain tools refuse."""
    return options.preset is Preset.PLAIN and bool(refused_names(draft)) and not draft.unknown


def refused_by_some(draft: Draft) -> int:
    """The names, and how often they are used: where fewer are left, the file may grow."""
    used = sum(use.name in REFUSED_BY_SOME for use in draft.uses)
    return used + len(refused_names(draft))


def refused_names(draft: Draft) -> frozenset[str]:
    return REFUSED_BY_SOME & {*draft.document.root.get("extensionsUsed", ())}


def undo_compression(draft: Draft, primitives: Sequence[PrimitiveReport]) -> list[PrimitiveReport]:
    from worker.glb.geometry.undo import undo  # noqa: PLC0415 - numpy takes its time

    before = held_bytes(draft.document)
    draft.notes += undo(draft)
    return list(with_undone(draft.document, primitives, before))


def confirm(written: bytes, draft: Draft) -> None:
    """Read what was written as if a stranger had sent it; but what is wrong now is our fault."""
    try:
        again = read(written).document
    except GlbError as error:
        raise UnsoundError(f"what was written can't be read: {error}") from error
    for index, content in draft.contents.items():
        if again.view(index) != content:
            raise UnsoundError(f"bufferView {index} was not written as it should be")


def notes_on(draft: Draft) -> list[str]:
    if not draft.unknown:
        return draft.notes
    names = ", ".join(draft.unknown)
    return [
        *draft.notes,
        f"{names}: unknown, may name any index, so nothing was renumbered or dropped",
    ]
