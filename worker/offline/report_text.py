"""What was done, for a person to read or for a program."""

import resource
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import orjson

from worker.glb.report import PrimitiveReport, TextureReport
from worker.offline.outcome import Failure, Outcome, Success
from worker.offline.printable import printable
from worker.offline.sizes import human_bytes, percent

MOST_LINES = 20
Piece = TypeVar("Piece", PrimitiveReport, TextureReport)


def show(text: str, *, pipe: bool) -> None:
    (sys.stderr if pipe else sys.stdout).write(text + "\n")


def as_text(outcomes: Sequence[Outcome]) -> str:
    done = [outcome for outcome in outcomes if isinstance(outcome, Success)]
    blocks = ["\n".join(map(printable, lines_of(success))) for success in done]
    return "\n\n".join([*blocks, total_of(outcomes)])


def lines_of(success: Success) -> Iterator[str]:
    report = success.report
    path = f"{success.errand.source_name} → {success.errand.target_name}"
    size = change(report.bytes_before, report.bytes_after)
    yield f"{path}: {size}, preset {report.preset}, {report.seconds:.2f} s"
    yield from (f"  {note}" for note in report.notes)
    yield from largest(report.primitives, primitive_line, "primitives")
    textures = sorted(report.textures, key=lambda texture: texture.image)
    yield from largest(textures, texture_line, "textures")


def change(before: int, after: int) -> str:
    return f"{human_bytes(before)} → {human_bytes(after)} ({percent(after, before)})"


def largest(pieces: Sequence[Piece], line: Any, what: str) -> Iterator[str]:
    """All of them, or the largest, in the order of the file."""
    by_size = sorted(pieces, key=lambda piece: piece.bytes_before, reverse=True)
    shown = {id(piece) for piece in by_size[:MOST_LINES]}
    yield from (f"  {line(piece)}" for piece in pieces if id(piece) in shown)
    if len(pieces) > MOST_LINES:
        yield f"  … and {len(pieces) - MOST_LINES:,} smaller {what}: --report json lists them all"


def primitive_line(piece: PrimitiveReport) -> str:
    facts = [piece.encoding, triangles(piece)]
    facts += [f"level {piece.level}"] if piece.level is not None else []
    facts += [f"{piece.position_bits} bits"] if piece.position_bits else []
    facts += [piece.note] if piece.note else []
    return f"mesh {piece.mesh} primitive {piece.primitive}{named(piece.name)}: {sizes(piece)}, " + (
        ", ".join(facts)
    )


def triangles(piece: PrimitiveReport) -> str:
    if piece.triangles_after in (0, piece.triangles_before):
        return f"{piece.triangles_before:,} triangles"
    return f"{piece.triangles_before:,} → {piece.triangles_after:,} triangles"


def texture_line(piece: TextureReport) -> str:
    facts = [format_change(piece), size_change(piece), piece.note]
    return f"image {piece.image}{named(piece.name)} ({piece.role}): {sizes(piece)}, " + ", ".join(
        fact for fact in facts if fact
    )


def format_change(piece: TextureReport) -> str:
    before, after = (mime.removeprefix("image/") for mime in (piece.mime_before, piece.mime_after))
    return before if before == after else f"{before} → {after}"


def size_change(piece: TextureReport) -> str:
    before, after = (
        f"{size[0]} x {size[1]}" if size else "" for size in (piece.size_before, piece.size_after)
    )
    return before if before == after else f"{before} → {after}"


def sizes(piece: PrimitiveReport | TextureReport) -> str:
    if piece.bytes_before == piece.bytes_after:
        return human_bytes(piece.bytes_before)
    return f"{human_bytes(piece.bytes_before)} → {human_bytes(piece.bytes_after)}"


def named(name: str) -> str:
    return f' "{name}"' if name else ""


def total_of(outcomes: Sequence[Outcome]) -> str:
    totals = totals_of(outcomes)
    files = f"{len(outcomes)} file{'s' if len(outcomes) != 1 else ''}"
    failed = f", {totals['failed']} failed" if totals["failed"] else ""
    return (
        f"{files}{failed}: {change(totals['bytes_before'], totals['bytes_after'])}, "
        f"{totals['seconds']:.2f} s, peak memory {human_bytes(totals['peak_memory_bytes'])}"
    )


def totals_of(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    reports = [outcome.report for outcome in outcomes if isinstance(outcome, Success)]
    return {
        "failed": len(outcomes) - len(reports),
        "bytes_before": sum(report.bytes_before for report in reports),
        "bytes_after": sum(report.bytes_after for report in reports),
        "seconds": sum(report.seconds for report in reports),
        "peak_memory_bytes": peak_memory(),
    }


def peak_memory() -> int:
    """In kilobytes on Linux, in bytes on macOS."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def as_json(outcomes: Sequence[Outcome]) -> str:
    files = [as_dict(outcome) for outcome in outcomes]
    told = {"files": files} | totals_of(outcomes)
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def as_dict(outcome: Outcome) -> dict[str, Any]:
    errand = outcome.errand
    where = {"in": errand.source_name, "out": errand.target_name}
    if isinstance(outcome, Failure):
        return where | {"error": outcome.error}
    return where | outcome.report.to_dict()
