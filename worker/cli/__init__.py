"""The `meshqueue` command. A file beside this one is a subcommand: its function of that name."""

from importlib import import_module
from pkgutil import iter_modules

import typer

from worker import __version__
from worker.errors import MeshqueueError

EXIT_ERROR = 2


def main() -> None:
    try:
        build_app()()
    except MeshqueueError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        raise SystemExit(EXIT_ERROR) from None


def build_app() -> typer.Typer:
    app = typer.Typer(
        help="Turns a Supabase project into a 3D-generation backend.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(options_of_every_command)
    for module in sorted(found.name for found in iter_modules(__path__)):
        command = getattr(import_module(f"{__name__}.{module}"), module)
        app.command(module.replace("_", "-"))(command)
    return app


def print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"meshqueue {__version__}")
        raise typer.Exit


def options_of_every_command(
    version: bool = typer.Option(
        False, "--version", is_eager=True, callback=print_version, help="Print the version."
    ),
) -> None:
    del version
