"""Variables of the environment: those that nothing reads, and where alarms go."""

from collections.abc import Iterator
from difflib import get_close_matches
from urllib.parse import urlsplit

from pydantic import AliasChoices

from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, warning
from worker.settings import Settings
from worker.telemetry.webhook import fault_of

OURS = ("MESHQUEUE_", "MESHY_", "TRIPO_")
ALIKE = 0.85  # PGPORT and PORT are 0.8 alike
OLD = {"MESHY_INTERNAL_KEY": "it belongs to an older set-up"}
# Of what is planned; whoever sets one believes that it works already.
LATER = (
    "ASSET_FETCH_KEY",
    "ASSET_SIGNED_URL_TTL",
    "OPENAI_API_KEY",
    "REPLICATE_API_TOKEN",
    "ROBLOX_OAUTH_CLIENT_ID",
    "ROBLOX_OAUTH_CLIENT_SECRET",
    "ROBLOX_OAUTH_REDIRECT_URI",
    "ROBLOX_OAUTH_TOKEN",
)


async def unread(examined: Examined) -> Finding:
    known = known_names()
    given = sorted(name for name, value in examined.variables.items() if value)
    read = known.intersection(map(str.upper, given))
    told = {name: why for name in given if (why := why_unread(name, known, read))}
    if not told:
        return ok(f"{len(read)} of ours set")
    what = "; ".join(f"{name}: {why}" for name, why in told.items())
    return warning(what, "Nothing reads them: correct the name, or take the variable away.")


def why_unread(name: str, known: set[str], read: set[str]) -> str | None:
    """Whoever set the right one too has not mistyped it: SUPABASE_DB_URL is another program's."""
    upper = name.upper()
    if upper in known:
        return None
    if upper in OLD:
        return OLD[upper]
    if upper in LATER:
        return "this release does not read it"
    if alike := get_close_matches(upper, sorted(known - read), 1, ALIKE):
        return f"is {alike[0]} meant?"
    return "unknown" if upper.startswith(OURS) else None


def known_names() -> set[str]:
    return {name for field in Settings.model_fields for name in names_of(field)}


def names_of(field: str) -> Iterator[str]:
    match Settings.model_fields[field].validation_alias:
        case None:
            yield field.upper()
        case AliasChoices(choices=choices):
            yield from (str(choice).upper() for choice in choices)
        case alias:
            yield str(alias).upper()


async def alarms(examined: Examined) -> Finding:
    """The worker works on without them: nobody would notice before something is wrong."""
    given = examined.settings.alert_webhook_url
    if given is None:
        return ok("ALERT_WEBHOOK_URL is not set: nobody is told of trouble")
    url = given.get_secret_value()
    if fault := fault_of(url):
        return failing(
            f"ALERT_WEBHOOK_URL: {fault}. Nobody is told of trouble",
            "Copy the address of the incoming webhook again.",
        )
    return ok(f"told to {urlsplit(url).hostname}")


CHECKS = (
    Check("environment", "variables", unread),
    Check("environment", "alarms", alarms),
)
