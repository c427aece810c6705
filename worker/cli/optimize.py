"""`meshqueue optimize`."""

from enum import StrEnum

import typer

from worker.errors import ModelFileError
from worker.glb.errors import GlbError
from worker.glb.options import Options, Preset
from worker.offline.bar import bar
from worker.offline.errands import PIPE, Errand, errands
from worker.offline.outcome import Failure, Outcome, Success
from worker.offline.place import read, write

EXIT_SOME_FAILED = 1


class ReportForm(StrEnum):
    TEXT = "text"
    JSON = "json"
    NONE = "none"


def optimize(
    source: str = typer.Argument(
        metavar="IN", help="A GLB file, a folder of them, or - for standard input."
    ),
    target: str | None = typer.Argument(
        None,
        metavar="[OUT]",
        help="A file, a folder, or - for standard output. Left out: IN.optimized.glb beside IN, "
        "or the folder IN.optimized.",
    ),
    preset: Preset = typer.Option(
        Preset.BALANCED,
        help="safe: core glTF only. balanced: Draco, textures without loss. web: textures as "
        "small as the eye allows. small: coarser still, at most 1024 px. plain: no compression "
        "at all, PNG and JPEG only.",
    ),
    max_texture: int | None = typer.Option(
        None, min=1, metavar="N", help="Scale textures down to at most N pixels a side."
    ),
    no_extension: list[str] = typer.Option(
        [], metavar="NAME", help="Don't use this glTF extension. May be repeated."
    ),
    report: ReportForm = typer.Option(ReportForm.TEXT, help="How to tell what was done."),
    keep_going: bool = typer.Option(
        False, "--keep-going", help="Go on after a file that fails; exit code 1 if any did."
    ),
    in_place: bool = typer.Option(False, "--in-place", help="Replace IN itself."),
) -> None:
    """Make GLB files smaller without losing anything of them.

    Every piece that was rewritten is read again and compared first; a file that would grow is
    written as it was. Exit code 2: an error, and nothing was written for that file.
    """
    options = Options(
        preset=preset, max_texture=max_texture, without=frozenset(known(no_extension))
    )
    todo = errands(source, target, in_place=in_place)
    outcomes = run(todo, options, keep_going=keep_going)
    tell(outcomes, report, to_stderr=any(errand.target == PIPE for errand in todo))
    if any(isinstance(outcome, Failure) for outcome in outcomes):
        raise typer.Exit(EXIT_SOME_FAILED)


def known(names: list[str]) -> list[str]:
    """A name that means nothing here would be obeyed without effect: a slip of the pen."""
    avoidable = ("KHR_draco_mesh_compression", "KHR_mesh_quantization", "EXT_texture_webp")
    for name in names:
        if name not in avoidable:
            raise typer.BadParameter(
                f"{name} is never added; these are: {', '.join(avoidable)}",
                param_hint="--no-extension",
            )
    return names


def run(todo: list[Errand], options: Options, *, keep_going: bool) -> list[Outcome]:
    outcomes: list[Outcome] = []
    with bar(todo) as advance:
        for errand in todo:
            try:
                outcomes.append(do(errand, options))
            except ModelFileError as error:
                if not keep_going:
                    raise
                outcomes.append(Failure(errand, str(error)))
            advance()
    return outcomes


def do(errand: Errand, options: Options) -> Success:
    from worker.glb.optimize import optimize as make_smaller  # noqa: PLC0415 - after the usage

    data = read(errand.source)
    try:
        result = make_smaller(data, options)
    except GlbError as error:
        raise ModelFileError(f"{errand.source_name}: {error}") from None
    write(errand.target, result.data)
    return Success(errand, result.report)


def tell(outcomes: list[Outcome], form: ReportForm, *, to_stderr: bool) -> None:
    from worker.offline.report_text import as_json, as_text  # noqa: PLC0415 - after the work

    for outcome in outcomes:
        if isinstance(outcome, Failure):
            typer.secho(f"error: {outcome.error}", fg=typer.colors.RED, err=True)
    if form is ReportForm.JSON:
        typer.echo(as_json(outcomes), err=to_stderr)
    elif form is ReportForm.TEXT:
        typer.echo(as_text(outcomes), err=to_stderr)
