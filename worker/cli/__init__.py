"""The `meshqueue` command. What lies beside this file is a subcommand: its function of that name.

Only the module of the command that was asked for is imported. Importing all of them takes 0.6 s,
four times as long as `optimize` needs for a small model.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from worker import __version__
from worker.errors import MeshqueueError

EXIT_ERROR = 2


def main() -> None:
    try:
        build_app()()
    except MeshqueueError as error:
        typer.secho(f"error: {error}", fg=typer.colors.RED, err=True)
        raise SystemExit(EXIT_ERROR) from None


class Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        return sorted(found.name.replace("_", "-") for found in iter_modules(__path__))

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(getattr(import_module(f"{__name__}.{name}"), name))
        return cast(TyperCommand, get_command(alone))


def build_app() -> typer.Typer:
    app = typer.Typer(
        cls=Commands,
        help="Turns a Supabase project into a 3D-generation backend.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    app.callback()(options_of_every_command)
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
