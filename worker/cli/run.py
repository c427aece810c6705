"""`meshqueue run`."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console

from worker.daemon.loop import run_long
from worker.daemon.reach import wait_until_reachable
from worker.daemon.start import (
    describe,
    hosted_storage,
    local_storage,
    plan_of,
    run_until_stopped,
    supply,
)
from worker.embedded import running
from worker.embedded.server import SUPERUSER
from worker.logs import set_up_logs
from worker.schema.migrate import migrate
from worker.settings import Settings, load_settings, require_database_url


def run(
    local: bool = typer.Option(
        False,
        "--local",
        help="Use the embedded Postgres, files in a folder, and the simulator for missing keys.",
    ),
) -> None:
    """Work on jobs until stopped: SIGTERM hands everything over first, a second one ends at once.

    Exit code 0: it was asked to stop. 1: something broke; start it again. 2: a setting is wrong.
    """
    settings = load_settings()
    set_up_logs()
    console = Console(highlight=False, soft_wrap=True, stderr=True)
    local = local or settings.local
    with database(settings, local=local) as url:
        storage = local_storage(settings, served=True) if local else hosted_storage(settings)
        with supply(settings, simulate_missing=local or settings.simulate) as supplied:
            plan = plan_of(settings, url, supplied, storage)
            for line in describe(supplied):
                console.print(line)
            raise typer.Exit(run_long(run_until_stopped(plan)))


@contextmanager
def database(settings: Settings, *, local: bool) -> Iterator[str]:
    if not local:
        url = require_database_url(settings)
        wait_until_reachable(url)
        yield url
        return
    with running(settings.local_postgres) as server:
        migrate(server.url(SUPERUSER))
        yield server.url()
