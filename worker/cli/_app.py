"""All commands under typer, also the quick ones, so that the help lists them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from worker import __version__, cli


class Commands(TyperGroup):
    def list_commands(self, ctx: Any) -> list[str]:
        del ctx
        names = (found.name.replace("_", "-") for found in iter_modules(cli.__path__))
        return sorted(name for name in names if not name.startswith("-"))

    def get_command(self, ctx: Any, cmd_name: str) -> TyperCommand | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        name = cmd_name.replace("-", "_")
        found = getattr(import_module(f"{cli.__name__}.{name}"), name)
        if isinstance(found, typer.Typer):  # it has commands of its own
            return cast(TyperCommand, get_command(found))
        alone = typer.Typer(add_completion=False)
        alone.command(cmd_name)(found)
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
