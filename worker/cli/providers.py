"""`meshqueue providers`."""

from typing import Annotated

import typer

from worker.cli._text.json import show_json
from worker.cli._text.options import Json, Local, opened, refuse_before_command
from worker.cli._text.providers import provider_parts
from worker.cli._text.tables import show
from worker.cli._text.words import with_local
from worker.operating.listing import read_provider
from worker.operating.providers import (
    DAYS,
    pause,
    paused_keys,
    read_providers,
    resume,
)

providers = typer.Typer(
    name="providers",
    add_completion=False,
    help="Slots, pauses, workers and spending of each provider; pause and resume one.",
)

Name = Annotated[str, typer.Argument(metavar="NAME", help="meshy or tripo.")]


@providers.callback(invoke_without_command=True)
def list_(
    context: typer.Context,
    days: Annotated[int, typer.Option(min=1, max=366, help="Of spending to show.")] = DAYS,
    local: Local = False,
    json: Json = False,
) -> None:
    """Show slots, pauses, workers and spending of each provider."""
    if context.invoked_subcommand:
        refuse_before_command(context, context.invoked_subcommand)
        return
    with opened(local=local) as connection:
        found = read_providers(connection, days)
    if json:
        show_json({"providers": found})
    else:
        show(*provider_parts(found))


@providers.command("pause")
def pause_(
    name: Name,
    reason: Annotated[str | None, typer.Option(help="Why; other operators see it.")] = None,
    local: Local = False,
    json: Json = False,
) -> None:
    """Buy nothing more of a provider until it is resumed; tasks under way are seen to their end."""
    provider = read_provider(name)
    with opened(local=local) as connection:
        changed = pause(connection, provider, reason)
    if json:
        show_json({"provider": provider, "paused": True, "changed": changed})
    elif changed:
        show(with_local(paused_text(provider), local=local))
    else:
        show(f"{provider} was paused by an operator before; nothing was changed.")


@providers.command("resume")
def resume_(
    name: Name,
    every_key: Annotated[
        bool,
        typer.Option("--all", help="End also pauses for want of money or for a key's sake."),
    ] = False,
    local: Local = False,
    json: Json = False,
) -> None:
    """End an operator's pause. Others end when the provider's account is in order."""
    provider = read_provider(name)
    with opened(local=local) as connection:
        lifted = resume(connection, provider, every_key=every_key)
        left = paused_keys(connection, provider)
    if json:
        show_json({"provider": provider, "lifted": lifted, "still_paused": left})
    else:
        show(with_local(resumed_text(provider, lifted, left), local=local))


def paused_text(provider: str) -> str:
    return (
        f"{provider} is paused: new jobs for it are refused, waiting ones wait. "
        f"`meshqueue providers resume {provider.lower()}` ends it."
    )


def resumed_text(provider: str, lifted: list[str], left: list[str]) -> str:
    told = f"{provider} goes on." if lifted else f"{provider} was not paused by an operator."
    if left:
        told += (
            f" Still paused for {len(left)} of its keys, until the account is in order: see "
            "`meshqueue providers`; --all ends that now."
        )
    return told
