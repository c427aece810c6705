"""`meshqueue optimize`."""

from argparse import ArgumentParser, ArgumentTypeError
from enum import StrEnum

from worker.cli import EXIT_ERROR, say_error
from worker.errors import ModelFileError
from worker.glb.errors import GlbError
from worker.glb.optimize import optimize as make_smaller
from worker.glb.options import Options, Preset
from worker.glb.progress import Watch
from worker.offline.bar import bar
from worker.offline.errands import PIPE, Errand, errands
from worker.offline.outcome import Failure, Outcome, Success
from worker.offline.place import check_writable, read, write
from worker.offline.printable import printable

EXIT_SOME_FAILED = 1
EPILOG = """
presets: safe: core glTF only. balanced: Draco, textures without loss. web: Draco, textures as
small as the eye allows, at most 2048 px. small: coarser still, at most 1024 px. plain: no
compression at all, PNG and JPEG only, for tools that refuse anything else.
exit codes: 0: done. 1: with --keep-going, some files failed. 2: an error.
"""
AVOIDABLE = ("KHR_draco_mesh_compression", "KHR_mesh_quantization", "EXT_texture_webp")
BITS = range(1, 31)
POSITION_BITS = range(1, 21)  # a float has 24; beyond 20 Draco's memory grows with the grid
IN_HELP = "a GLB file, a folder of them, or - for standard input"
OUT_HELP = """a file, a folder, or - for standard output. Left out: IN.optimized.glb beside IN, or
the folder IN.optimized"""
WITHOUT_HELP = "do without this extension of glTF; may be repeated"
BITS_HELP = "for Draco; left out: chosen from the mesh and its textures"
FLAGS = {
    "--no-geometry": "leave meshes as they are",
    "--no-textures": "leave images as they are",
    "--keep-going": "go on after a file that fails",
    "--in-place": "replace IN itself",
}


class ReportForm(StrEnum):
    TEXT = "text"
    JSON = "json"
    NONE = "none"


def optimize(arguments: list[str]) -> None:
    """Make GLB files smaller without losing a triangle.

    Every piece that was rewritten is read again and compared first. A file that would grow is
    written as it was, except by the preset that undoes compression.
    """
    wanted = parser().parse_args(arguments)
    todo = errands(wanted.source, wanted.target, in_place=wanted.in_place)
    options = Options(
        preset=wanted.preset,
        max_texture=wanted.max_texture,
        without=frozenset(wanted.no_extension),
        geometry=not wanted.no_geometry,
        textures=not wanted.no_textures,
        position_bits=wanted.position_bits,
        normal_bits=wanted.normal_bits,
        uv_bits=wanted.uv_bits,
    )
    outcomes = run(todo, options, keep_going=wanted.keep_going)
    tell(outcomes, wanted.report, pipe=any(errand.target is PIPE for errand in todo))
    if any(isinstance(outcome, Failure) for outcome in outcomes):
        raise SystemExit(EXIT_SOME_FAILED if wanted.keep_going else EXIT_ERROR)


def parser() -> ArgumentParser:
    found = ArgumentParser("meshqueue optimize", description=optimize.__doc__, epilog=EPILOG)
    found.add_argument("source", metavar="IN", help=IN_HELP)
    found.add_argument("target", metavar="OUT", nargs="?", help=OUT_HELP)
    add_choices(found)
    for flag, text in FLAGS.items():
        found.add_argument(flag, action="store_true", help=text)
    return found


def add_choices(found: ArgumentParser) -> None:
    add = found.add_argument
    add("--preset", type=Preset, choices=list(Preset), default=Preset.BALANCED, help="see below")
    add("--max-texture", type=side, metavar="N", help="scale textures to at most N pixels a side")
    add("--no-extension", action="append", choices=AVOIDABLE, default=[], help=WITHOUT_HELP)
    add("--position-bits", type=position_bits, metavar="N", help=BITS_HELP)
    for what in ("normal", "uv"):
        add(f"--{what}-bits", type=bits, metavar="N", help=BITS_HELP)
    add("--report", type=ReportForm, choices=list(ReportForm), default=ReportForm.TEXT)


def side(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text} is no number of pixels")
    return int(text)


def position_bits(text: str) -> int:
    return bits(text, POSITION_BITS)


def bits(text: str, allowed: range = BITS) -> int:
    if not text.isdecimal() or int(text) not in allowed:
        raise ArgumentTypeError(f"{text} is not from {allowed[0]} to {allowed[-1]}")
    return int(text)


def run(todo: list[Errand], options: Options, *, keep_going: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with bar(todo) as watches:
        for errand, watch in zip(todo, watches, strict=True):
            try:
                outcomes.append(do(errand, options, watch))
            except ModelFileError as error:
                outcomes.append(Failure(errand, str(error)))
                if not keep_going:
                    break
            watch(1.0)
    return outcomes


def do(errand: Errand, options: Options, watch: Watch) -> Success:
    check_writable(errand.target)
    data = read(errand.source)
    try:
        result = make_smaller(data, options, watch)
    except GlbError as error:
        raise ModelFileError(printable(f"{errand.source_name}: {error}")) from None
    if errand.target is PIPE or errand.target != errand.source or result.data != data:
        write(errand.target, result.data)
    return Success(errand, result.report)


def tell(outcomes: list[Outcome], form: ReportForm, *, pipe: bool) -> None:
    """Where the file itself goes through a pipe, the report goes to the other stream."""
    for outcome in outcomes:
        if isinstance(outcome, Failure):
            say_error(outcome.error)
    if form is ReportForm.NONE:
        return

    from worker.offline import report_text  # noqa: PLC0415 - only where there is something to say

    if form is ReportForm.JSON:
        report_text.show(report_text.as_json(outcomes), pipe=pipe)
    elif any(isinstance(outcome, Success) for outcome in outcomes):
        report_text.show(report_text.as_text(outcomes), pipe=pipe)
