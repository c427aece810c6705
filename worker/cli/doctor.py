"""`meshqueue doctor`."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import typer
from rich.console import Console

from worker.cli._text.words import with_local
from worker.doctor.check import Check, Checked
from worker.doctor.examination import examine
from worker.doctor.examined import Examined, examined_here
from worker.doctor.finding import Finding, failing
from worker.doctor.report import as_json, as_table, exit_code, terminal_width
from worker.embedded import SUPERUSER, running
from worker.embedded.server import Server
from worker.errors import SettingsError
from worker.logs import quieten_libraries
from worker.schema.connection import connected
from worker.schema.history import read_history
from worker.schema.migrate import migrate
from worker.settings import Settings, load_settings


def doctor(
    local: bool = typer.Option(
        False, "--local", help="Look at the Postgres in a folder and its files instead."
    ),
    json_: bool = typer.Option(False, "--json", help="For scripts: one JSON document."),
) -> None:
    """Look for what is wrong, and say what to do about it. Changes nothing that lasts.

    Exit code 0: all is well. 1: warnings. 2: something fails.
    """
    quieten_libraries()
    made = look(local=local)
    if json_:
        typer.echo(json.dumps(as_json(made), indent=2, ensure_ascii=False))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for line in as_table(made, terminal_width() if console.is_terminal else None):
            console.print(line)
    raise typer.Exit(exit_code(made))


def look(*, local: bool) -> Sequence[Checked]:
    try:
        settings = load_settings()
    except SettingsError as error:
        return [unreadable(error)]
    with examined_place(settings, local=local or settings.local) as examined:
        made = asyncio.run(examine(examined))
        return [led_back(each, local=examined.local) for each in made]


def led_back(made: Checked, *, local: bool) -> Checked:
    advice = with_local(made.finding.what_to_do, local=local)
    return replace(made, finding=replace(made.finding, what_to_do=advice))


def unreadable(error: SettingsError) -> Checked:
    """Without settings there is nothing else to look at."""
    finding = failing(str(error), "Correct it in the environment or in .env; then look again.")

    async def look(_: Examined) -> Finding:
        return finding

    return Checked(Check("environment", "settings", look), finding, 0)


@contextmanager
def examined_place(settings: Settings, *, local: bool) -> Iterator[Examined]:
    if not local:
        url = settings.database_url.get_secret_value() if settings.database_url else ""
        yield examined_here(settings, url, local=False)
        return
    with running(settings.local_postgres) as server:
        fill_new(server)
        yield examined_here(settings, server.url(), local=True)


def fill_new(server: Server) -> None:
    """As every local command does; what was there before is looked at as it is."""
    with connected(server.url(SUPERUSER)) as connection:
        there = read_history(connection).schema_exists
    if not there:
        migrate(server.url(SUPERUSER))
