"""`meshqueue credits`."""

from dataclasses import asdict
from typing import Annotated

import typer

from worker.cli._text.credits import account_parts, accounts_parts, audit_parts, granted_text
from worker.cli._text.json import show_json
from worker.cli._text.options import Json, Local, opened
from worker.cli._text.tables import show
from worker.operating.accounts import LINES, grant, read_account, read_accounts
from worker.operating.audit import PATIENCE, audit, broken
from worker.operating.people import find_user
from worker.operating.spans import read_span

EXIT_BROKEN = 2
MOST = 10_000

credits = typer.Typer(  # noqa: A001 - the command's name
    name="credits",
    add_completion=False,
    no_args_is_help=True,
    help="Show and grant credits; prove that everything adds up.",
)

User = Annotated[str, typer.Argument(metavar="EMAIL|ID", help="An e-mail address, or a user's id.")]


@credits.command("show")
def show_(
    user: Annotated[
        str | None,
        typer.Argument(metavar="[EMAIL|ID]", help="A user; left out: all accounts in short."),
    ] = None,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="Lines of the ledger, or accounts.")
    ] = LINES,
    local: Local = False,
    json: Json = False,
) -> None:
    """Show an account with its ledger, or the largest accounts and their sums."""
    with opened(local=local) as connection:
        if user is None:
            found = read_accounts(connection, limit)
        else:
            found = read_account(connection, find_user(connection, user)["id"], limit)
    if json:
        show_json(found)
    else:
        show(*(accounts_parts(found) if user is None else account_parts(found)))


# A negative amount is no option.
@credits.command("grant", context_settings={"ignore_unknown_options": True})
def grant_(
    user: User,
    amount: Annotated[
        int, typer.Argument(help="Credits; a negative number takes back what is available.")
    ],
    reason: Annotated[str, typer.Option(help="Why; the user sees it in the ledger.")],
    reference: Annotated[
        str | None, typer.Option(help="Of an order or the like: the same one grants once.")
    ] = None,
    local: Local = False,
    json: Json = False,
) -> None:
    """Give a user credits, or take some back."""
    with opened(local=local) as connection:
        granted = grant(connection, find_user(connection, user)["id"], amount, reason, reference)
    if json:
        show_json(asdict(granted))
    else:
        show(granted_text(granted))


@credits.command("audit")
def audit_(
    grace: Annotated[
        str, typer.Option(help="What workers get to put right what a death left behind.")
    ] = "2m",
    local: Local = False,
    json: Json = False,
) -> None:
    """Prove that credits, slots, queue and files add up. Exit code 0: all of it does.

    With 2, something does not, or could not be looked at. It reads everything there is, in one
    snapshot, and changes nothing.
    """
    given = read_span(grace)
    with opened(local=local, patience=PATIENCE) as connection:
        checks = audit(connection, given)
    if json:
        show_json({"holds": not broken(checks), "checks": checks})
    else:
        show(*audit_parts(checks, local=local))
    if broken(checks):
        raise typer.Exit(EXIT_BROKEN)
