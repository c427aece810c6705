"""The accounts that are paid: their keys, their money, their clocks, and what they refused."""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from worker.daemon.keys import Key
from worker.doctor.check import Check, Look
from worker.doctor.checks.sessions import compared
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, skipped, warning
from worker.doctor.names import families_of
from worker.doctor.patience import A_PAGE
from worker.providers import PROVIDERS, open_provider
from worker.providers.failure import Failure, Kind
from worker.providers.outcome import Balance
from worker.providers.patience import Patience

HURRIED = Patience(connect=3, place=1, write=1, answer=4, turn=2)
LOW = 100  # provider credits; two or three textured models
FREE_PLAN = "free_plan"
HALF_A_SECOND = timedelta(seconds=0.5)  # a Date header has whole ones, rounded down
ADVICE = {
    Kind.UNAUTHORISED: (
        "refuses the key",
        (
            "Copy it again from the provider's dashboard: it may be revoked, cut short, or of"
            " another region."
        ),
    ),
    Kind.OUT_OF_CREDIT: ("says that there is no credit", "Buy some; waiting jobs go on by then."),
}


def key_of(examined: Examined, provider: str) -> Key | None:
    return next((key for key in examined.keys if key.provider == provider), None)


async def keys(examined: Examined) -> Finding:
    names = [key.provider.title() for key in examined.keys]
    missing = [name for name in PROVIDERS if key_of(examined, name) is None]
    if examined.local or examined.settings.simulate:
        simulated = [f"{name.title()} (simulated)" for name in missing]
        return ok(", ".join([*names, *simulated]))
    if not names:
        return failing(
            "no provider has a key, and `run` refuses to start",
            f"Set {' or '.join(f'{name}_API_KEY' for name in PROVIDERS)}.",
        )
    return ok(", ".join(names))


def account(provider: str) -> Look:
    async def look(examined: Examined) -> Finding:
        key = key_of(examined, provider)
        if key is None:
            return skipped(f"{provider}_API_KEY is not set")
        return judged(provider, await ask_balance(key))

    return look


async def ask_balance(key: Key) -> Balance | Failure:
    await families_of(host_of(key))
    provider = open_provider(key.provider, key.secret, address=key.base_url, patience=HURRIED)
    try:
        return await provider.balance()
    finally:
        await provider.close()


def address_of(key: Key) -> str:
    return key.base_url or PROVIDERS[key.provider]().address


def host_of(key: Key) -> str:
    return urlsplit(address_of(key)).hostname or ""


def judged(provider: str, answer: Balance | Failure) -> Finding:
    name = provider.title()
    if isinstance(answer, Failure):
        said = f"{answer.code} {answer.detail}".strip()
        if answer.kind in ADVICE:
            what, what_to_do = ADVICE[answer.kind]
            return failing(f"{name} {what} ({said})", what_to_do)
        return warning(
            f"{name} could not be asked ({said})",
            "Look at the provider's status page, and whether this machine may go out to it.",
        )
    told = f"the key works; balance {answer.credits:g}"
    if answer.credits <= 0:
        return failing(told, "Buy credits: until then its jobs wait, and new ones are refused.")
    if answer.credits < LOW:
        return warning(told, "That lasts for a few models. Buy more before it is gone.")
    return ok(told)


def clock(provider: str) -> Look:
    async def look(examined: Examined) -> Finding:
        key = key_of(examined, provider)
        if key is None:
            return skipped(f"{provider}_API_KEY is not set")
        await families_of(host_of(key))
        return await compare_clocks(examined, provider, address_of(key))

    return look


async def compare_clocks(examined: Examined, provider: str, address: str) -> Finding:
    async with httpx.AsyncClient(timeout=A_PAGE) as client:
        before = examined.clock()
        try:
            answer = await client.head(address)
        except httpx.HTTPError as error:
            return warning(f"could not be asked ({error})", "See the check of its key.")
        after = examined.clock()
    told = date_of(answer)
    if told is None:
        return skipped(f"{provider.title()} says no time")
    return compared(before + (after - before) / 2 - told - HALF_A_SECOND, f"{provider.title()}'s")


def date_of(answer: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(answer.headers["date"])
    except (KeyError, ValueError):
        return None


async def plan(examined: Examined) -> Finding:
    """A free plan answers for its balance, and refuses to create: only a paid request shows it.

    One that must fail for another reason might tell for nothing, but which of the two is looked at
    first is not known; so only what workers met is told.
    """
    rows = await examined.database.rows("refused_plans", f"%{FREE_PLAN}%")
    if not rows:
        return ok("no worker met a plan that can't create")
    names = ", ".join(f"{row['provider'].title()} ({row['at']:%Y-%m-%d %H:%M} UTC)" for row in rows)
    return failing(
        f"{names} refused to create: the account is on the free plan",
        "Choose a paid plan (Meshy: Pro or higher). The pause lifts itself within 5 minutes.",
    )


async def pauses(examined: Examined) -> Finding:
    rows = await examined.database.rows("pauses")
    if not rows:
        return ok("none")
    told = "; ".join(
        f"{row['what']} since {row['since']:%H:%M} UTC ({row['reason']})" for row in rows
    )
    if all(row["reason"] == "operator" for row in rows):
        return warning(told, "`meshqueue providers resume NAME` when it is time.")
    return failing(
        told,
        "Put the account (or the storage's plan) in order; the pause lifts itself within 5"
        " minutes. Jobs wait meanwhile.",
    )


CHECKS = (
    Check("providers", "keys", keys),
    *(Check("providers", f"{name.title()} account", account(name)) for name in PROVIDERS),
    *(Check("providers", f"{name.title()} clock", clock(name)) for name in PROVIDERS),
    Check("providers", "plan", plan, needs=("migrations",)),
    Check("providers", "pauses", pauses, needs=("migrations",)),
)
