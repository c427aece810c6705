"""Options that several operator's commands have."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from worker.errors import SettingsError
from worker.operating.desk import STATEMENT_TIMEOUT, Connection, address, connected
from worker.settings import load_settings

Local = Annotated[
    bool, typer.Option("--local", help="The embedded Postgres instead of DATABASE_URL.")
]
Json = Annotated[bool, typer.Option("--json", help="JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


@contextmanager
def opened(*, local: bool, patience: float = STATEMENT_TIMEOUT) -> Iterator[Connection]:
    with (
        address(load_settings(), local=local) as url,
        connected(url, patience=patience) as connection,
    ):
        yield connection


def make_sure(question: str, *, yes: bool) -> None:
    """Who can't be asked must have said it before."""
    if yes:
        return
    if not typer.get_text_stream("stdin").isatty():
        raise SettingsError(f"{question} Nobody is there to answer: say --yes.")
    typer.confirm(question, abort=True, err=True)


def refuse_before_command(context: typer.Context, command: str) -> None:
    """`jobs --local show ID` would look elsewhere than it seems."""
    misplaced = [name for name in context.params if is_given(context, name)]
    if misplaced:
        raise SettingsError(
            f"--{misplaced[0].replace('_', '-')} stands before `{command}`: write it behind."
        )


def is_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"
