"""`meshqueue jobs`."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from typing import Annotated
from uuid import UUID

import typer

from worker.cli._text.job import job_parts
from worker.cli._text.jobs import candidate_table, change_line, job_table
from worker.cli._text.json import show_json
from worker.cli._text.options import (
    Json,
    Local,
    Yes,
    make_sure,
    opened,
    refuse_before_command,
)
from worker.cli._text.tables import show
from worker.errors import SettingsError
from worker.operating.changing import Candidates, Change, cancel, failed_with, named, retry
from worker.operating.desk import Connection
from worker.operating.dossier import read_dossier
from worker.operating.finding import find_job, find_jobs, no_such_job
from worker.operating.listing import LIMIT, Wanted, list_jobs, read_provider, read_statuses
from worker.operating.people import find_users
from worker.operating.spans import read_moment, read_span

EXIT_REFUSED = 1
MOST = 10_000

jobs = typer.Typer(
    name="jobs",
    add_completion=False,
    help="List jobs, the newest first; show one, try it again, cancel it.",
)


@jobs.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    status: Annotated[
        list[str] | None,
        typer.Option(help="queued, in_progress, succeeded, failed, canceled, or open."),
    ] = None,
    user: Annotated[str | None, typer.Option(help="An e-mail address, or a user's id.")] = None,
    provider: Annotated[str | None, typer.Option(help="meshy or tripo.")] = None,
    failed: Annotated[
        str | None, typer.Option(metavar="CODE", help="Those that failed with this error code.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(help="Created (with --failed: failed) since then: 90s, 2h, 3d, or a date."),
    ] = None,
    age: Annotated[
        str | None, typer.Option(help="Created (with --failed: failed) so long ago or longer.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=MOST, help="At most so many.")] = LIMIT,
    local: Local = False,
    json: Json = False,
) -> None:
    """List jobs, the newest first."""
    if context.invoked_subcommand:
        refuse_before_command(context, context.invoked_subcommand)
        return
    wanted = Wanted(
        statuses=read_statuses(status or ()),
        provider=read_provider(provider) if provider else None,
        failed=failed,
        since=read_moment(since) if since else None,
        until=datetime.now(UTC) - read_span(age) if age else None,
        limit=limit,
    )
    with opened(local=local) as connection:
        print_list(connection, wanted, user, as_json=json)


def print_list(connection: Connection, wanted: Wanted, user: str | None, *, as_json: bool) -> None:
    found = list_jobs(connection, with_users(connection, wanted, user))
    if as_json:
        show_json({"jobs": found})
    else:
        show(*job_table(found, wanted.limit))


def with_users(connection: Connection, wanted: Wanted, user: str | None) -> Wanted:
    if user is None:
        return wanted
    ids = [found["id"] for found in find_users(connection, user)]
    return replace(wanted, users=ids)


@jobs.command("show")
def show_(
    reference: Annotated[
        str,
        typer.Argument(
            metavar="REF",
            help="An id or its beginning, an e-mail address, a client_task_id, or the provider's "
            "task id.",
        ),
    ],
    local: Local = False,
    json: Json = False,
) -> None:
    """Show all there is about a job: its stages in time, what it waits for, what to do next."""
    with opened(local=local) as connection:
        found = find_jobs(connection, reference)
        if not found and "@" not in reference:
            raise no_such_job(reference)
        if len(found) != 1 or "@" in reference:
            print_list(connection, Wanted(ids=found, limit=LIMIT), None, as_json=json)
        else:
            print_job(connection, found[0], local=local, as_json=json)


def print_job(connection: Connection, job: UUID, *, local: bool, as_json: bool) -> None:
    dossier = read_dossier(connection, job)
    if as_json:
        show_json(dossier)
    else:
        show(*job_parts(dossier, local=local))


@jobs.command("retry")
def retry_(
    references: Annotated[
        list[str] | None, typer.Argument(metavar="REF…", help="Jobs that failed or were canceled.")
    ] = None,
    failed_with_: Annotated[
        str | None,
        typer.Option("--failed-with", metavar="CODE", help="All that failed with this code."),
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="With --failed-with: that failed since then (2h, or a date).")
    ] = None,
    user: Annotated[str | None, typer.Option(help="With --failed-with: of this user.")] = None,
    provider: Annotated[
        str | None, typer.Option(help="With --failed-with: meshy or tripo.")
    ] = None,
    yes: Yes = False,
    local: Local = False,
    json: Json = False,
) -> None:
    """Try jobs again, as new ones of the same users, who don't pay again for finished stages.

    Exit code 1: some were refused; the others were made.
    """
    refuse_both(references, failed_with_, since, user, provider)
    with opened(local=local) as connection:
        if failed_with_ is None:
            jobs_meant = [find_job(connection, reference) for reference in references or ()]
            candidates = named(connection, list(dict.fromkeys(jobs_meant)))
        else:
            candidates = failed_with(
                connection,
                failed_with_,
                read_moment(since) if since else None,
                read_provider(provider) if provider else None,
                [found["id"] for found in find_users(connection, user)] if user else None,
            )
            ask_about(candidates, yes=yes, as_json=json)
        refused = [Change(job["id"], None, f"{reason}.") for job, reason in candidates.refused]
        made = retry(connection, [job["id"] for job in candidates.jobs])
        tell_changes(chain(made, refused), "tried again", as_json=json)


def refuse_both(references: list[str] | None, code: str | None, *filters: str | None) -> None:
    if bool(references) == bool(code):
        raise SettingsError("name jobs, or --failed-with CODE, and not both.")
    if references and any(filters):
        raise SettingsError("--since, --user and --provider belong to --failed-with.")


def ask_about(candidates: Candidates, *, yes: bool, as_json: bool) -> None:
    if not as_json:
        show(candidate_table(candidates))
    if candidates.jobs:
        count = len(candidates.jobs)
        jobs_counted = "1 job" if count == 1 else f"{count} jobs"
        make_sure(f"Try {jobs_counted} again, for {candidates.price} credits in all?", yes=yes)


@jobs.command("cancel")
def cancel_(
    references: Annotated[list[str], typer.Argument(metavar="REF…", help="Jobs that are open.")],
    local: Local = False,
    json: Json = False,
) -> None:
    """End jobs that are open, and release their credits. Exit code 1: some were refused."""
    with opened(local=local) as connection:
        meant = dict.fromkeys(find_job(connection, reference) for reference in references)
        tell_changes(cancel(connection, list(meant)), "ended", as_json=json)


def tell_changes(changes: Iterable[Change], verb: str, *, as_json: bool) -> None:
    """Each at once, and in JSON whatever comes in between: what was done is told in any case."""
    told: list[Change] = []
    try:
        for change in changes:
            told.append(change)
            if not as_json:
                show(change_line(change, verb))
    finally:
        if as_json:
            show_json({"changes": told})
    if any(change.row is None for change in told):
        raise typer.Exit(EXIT_REFUSED)
