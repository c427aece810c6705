"""`meshqueue migrate`."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from worker.embedded import SUPERUSER, running
from worker.errors import SettingsError
from worker.schema.bundle import bundle as bundle_text
from worker.schema.migrate import check as pending_steps
from worker.schema.migrate import migrate as bring_up_to_date
from worker.schema.progress import Progress
from worker.settings import load_settings, require_database_url

EXIT_PENDING = 1


def migrate(
    check: bool = typer.Option(
        False,
        "--check",
        help="Change nothing; say what would run. Exit code 0: nothing, 1: something is pending.",
    ),
    bundle: bool = typer.Option(
        False,
        "--bundle",
        help="Print one SQL file for supabase/migrations/ instead; needs no database.",
    ),
    since: int | None = typer.Option(
        None,
        metavar="VERSION",
        help="With --bundle: the number of the last migration that the database already has.",
    ),
    local: bool = typer.Option(
        False, "--local", help="Use the embedded Postgres instead of DATABASE_URL."
    ),
) -> None:
    """Bring the database up to date: migrations, functions, and the queue's own schema.

    Safe to repeat, and to run twice at once. A plain Postgres is first made to look like a
    Supabase project, which takes a superuser. Exit code 2: an error.
    """
    refuse_contradictions(check=check, bundle=bundle, since=since, local=local)
    if bundle:
        typer.echo(bundle_text(since), nl=False)
        return
    with database(local=local) as url:
        if check:
            print_pending(url)
        else:
            apply_pending(url)


def refuse_contradictions(*, check: bool, bundle: bool, since: int | None, local: bool) -> None:
    if bundle and (check or local):
        raise SettingsError("--bundle prints a file and asks no database: use it alone.")
    if since is not None and not bundle:
        raise SettingsError("--since belongs to --bundle: migrate itself asks the database.")


def apply_pending(url: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    steps = bring_up_to_date(url, report=lambda progress: print_progress(console, progress))
    console.print(f"done: {steps} steps" if steps else "nothing to do")


def print_progress(console: Console, progress: Progress) -> None:
    seconds = "" if progress.seconds is None else f" [dim]{progress.seconds:.2f} s[/dim]"
    console.print(f"{escape(progress.text)}{seconds}")
    print_details(console, progress.details)


def print_pending(url: str) -> None:
    console = Console(highlight=False, soft_wrap=True)
    steps = pending_steps(url)
    for step in steps:
        console.print(f"pending: {escape(step.label)}")
        print_details(console, step.details)
    if steps:
        raise typer.Exit(EXIT_PENDING)
    console.print("nothing to do")


def print_details(console: Console, details: tuple[str, ...]) -> None:
    for detail in details:
        console.print(f"  [dim]{escape(detail)}[/dim]")


@contextmanager
def database(*, local: bool) -> Iterator[str]:
    """The embedded one is opened as its superuser, who may put the platform there first."""
    settings = load_settings()
    if not (local or settings.local):
        yield require_database_url(settings)
        return
    with running(settings.local_postgres) as server:
        yield server.url(SUPERUSER)
