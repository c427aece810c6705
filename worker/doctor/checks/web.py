"""The worker's HTTP face: its port here, and whether providers find it from outside."""

import asyncio
from urllib.parse import urlsplit

import httpx

from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, skipped, warning
from worker.doctor.names import families_of
from worker.doctor.patience import A_PAGE
from worker.http.server import DEFAULT_PORT

FORGED, NOT_SERVED = 401, 404
ALIVE = {"status": "alive"}


async def port(examined: Examined) -> Finding:
    given = examined.settings.port
    number = DEFAULT_PORT if given is None else given
    if number == 0:
        return ok("any free one")
    face = await answers(f"http://127.0.0.1:{number}")
    if face is True:
        return ok(f"a worker answers on {number}")
    if face is False:
        told = f"another program listens on {number}: a worker can't start here"
        if given is None:  # and nobody said that one should
            return ok(f"{told} without another PORT")
        return failing(told, "Set PORT to a free one, or end that program.")
    if given is not None and not examined.local:
        return warning(
            f"PORT is {number}, and nobody listens there: the platform's health check fails",
            "Start `meshqueue run`; if it runs elsewhere, leave PORT out here.",
        )
    return ok(f"{number} is free; a worker will listen there")


async def answers(address: str) -> bool | None:
    """None: nobody is there. False: somebody else than a worker."""
    try:
        async with httpx.AsyncClient(timeout=A_PAGE, trust_env=False) as client:
            answer = await client.get(f"{address}/healthz")
        return bool(answer.json() == ALIVE)
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return None
    except (httpx.HTTPError, ValueError):
        return False


async def webhooks(examined: Examined) -> Finding:
    url, secrets = examined.settings.public_url, secret_names(examined)
    if url is None:
        if not secrets:
            return ok("not used: the worker asks the providers itself")
        return skipped(
            f"{' and '.join(secrets)} given; set MESHQUEUE_PUBLIC_URL to the address under which"
            " providers reach the worker, and it is tried"
        )
    await families_of(urlsplit(url).hostname or url)
    async with httpx.AsyncClient(base_url=url, timeout=A_PAGE) as client:
        try:
            return await knock(client, url, [name.partition("_")[0].lower() for name in secrets])
        except httpx.HTTPError as error:
            return failing(
                f"{url} can't be reached ({type(error).__name__}: {error})",
                "Look at the address, and whether the worker's port is open to the outside.",
            )


def secret_names(examined: Examined) -> list[str]:
    given = {
        "MESHY_WEBHOOK_SECRET": examined.settings.meshy_webhook_secret,
        "TRIPO_WEBHOOK_SECRET": examined.settings.tripo_webhook_secret,
    }
    return [name for name, value in given.items() if value is not None]


async def knock(client: httpx.AsyncClient, url: str, providers: list[str]) -> Finding:
    """A forged webhook must be refused: so somebody stands there who looks."""
    health = await client.get("/healthz")
    if health.status_code != httpx.codes.OK or health.text.strip() != '{"status":"alive"}':
        return failing(
            f"{url}/healthz answers {health.status_code}, and not as a worker does",
            "The address leads to another program: set MESHQUEUE_PUBLIC_URL to the worker's.",
        )
    answers = await asyncio.gather(*(client.post(f"/webhooks/{name}") for name in providers))
    for name, answer in zip(providers, answers, strict=True):
        if answer.status_code == NOT_SERVED:
            return warning(
                f"the worker at {url} does not serve {name.title()}",
                f"Give it {name.upper()}_API_KEY, or take the webhook out of its dashboard.",
            )
        if answer.status_code != FORGED:
            return failing(
                f"{url}/webhooks/{name} answers {answer.status_code} to a forged webhook, not 401",
                "Something between changes requests: a proxy or a redirect.",
            )
    return ok(f"{url} answers, and refuses what is forged")


CHECKS = (
    Check("web", "port", port),
    Check("web", "webhooks", webhooks),
)
