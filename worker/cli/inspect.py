"""`meshqueue inspect`."""

import typer

from worker.errors import ModelFileError
from worker.glb.checks import check
from worker.glb.errors import GlbError
from worker.offline.errands import place_of
from worker.offline.findings_text import as_json, as_text
from worker.offline.place import read


def inspect(
    source: str = typer.Argument(metavar="FILE", help="A GLB file, or - for standard input."),
    as_json_wanted: bool = typer.Option(False, "--json", help="Print JSON instead of text."),
) -> None:
    """Say what is in a GLB file, what each part weighs, and what is wrong or wasteful in it.

    Changes nothing. Exit code 2: the file can't be read.
    """
    place = place_of(source)
    try:
        findings = check(read(place))
    except GlbError as error:
        raise ModelFileError(f"{source}: {error}") from None
    typer.echo(as_json(source, findings) if as_json_wanted else as_text(source, findings))
