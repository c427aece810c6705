"""ALERT_WEBHOOK_URL: Slack, Discord, or whatever takes a POST of JSON.

Slack reads `text` and Discord `content`, each refuses a message without its own, and nobody
promises that a field of the other does no harm. So those two get their own alone, and everybody
else both, with the facts beside them.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

import httpx

from worker.database.vitals import Alarm

TIMEOUT = 10.0  # s, for the whole exchange
LONGEST = 1900  # Discord takes 2000 characters
LONGEST_PAUSE = 3600.0  # s, whatever the other side asks for
DISCORD = ("discord.com", "discordapp.com")
SLACK = ("slack.com",)


@dataclass(frozen=True, slots=True)
class Sent:
    pass


@dataclass(frozen=True, slots=True)
class NotSent:
    why: str
    """Without the address: whoever has it may write to the channel."""
    retry_after: float = 0.0


class Webhook:
    def __init__(self, url: str) -> None:
        self._url = url
        self._client = httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False)

    async def send(self, text: str, alarm: Alarm) -> Sent | NotSent:
        body = body_for(urlsplit(self._url), text, alarm)
        try:
            async with (
                asyncio.timeout(TIMEOUT),
                self._client.stream("POST", self._url, json=body) as response,
            ):
                return outcome_of(response)  # what it says beyond its status is not read
        except (httpx.HTTPError, TimeoutError) as error:
            return NotSent(f"no answer ({type(error).__name__})")

    async def close(self) -> None:
        await self._client.aclose()


def outcome_of(response: httpx.Response) -> Sent | NotSent:
    if response.is_success:
        return Sent()
    return NotSent(f"it answers {response.status_code}", pause_of(response.headers))


def pause_of(headers: Mapping[str, str]) -> float:
    try:
        seconds = float(headers.get("retry-after", "0"))
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), LONGEST_PAUSE) if seconds == seconds else 0.0  # noqa: PLR0124 - NaN


def body_for(address: SplitResult, text: str, alarm: Alarm) -> dict[str, Any]:
    text = text[:LONGEST]
    host = address.hostname or ""
    if belongs(host, DISCORD) and not address.path.endswith("/slack"):
        return {"content": text, "allowed_mentions": {"parse": []}}
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if belongs(host, SLACK) or belongs(host, DISCORD):
        return {"text": escaped}
    return {"text": text, "content": text, "alarm": facts_of(alarm)}


def belongs(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)


def facts_of(alarm: Alarm) -> dict[str, Any]:
    return {
        "id": alarm.id,
        "kind": alarm.kind,
        "subject": alarm.subject,
        "detail": dict(alarm.detail),
        "began_at": alarm.began_at.isoformat(),
        "over_at": alarm.over_at.isoformat() if alarm.over_at else None,
    }


def fault_of(url: str) -> str | None:
    """Why nothing can be sent there. It is the operator's own address, so any host may be named."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "it is no URL"
    if not host or parts.scheme not in ("http", "https"):
        return "it must begin with https:// and name a host"
    if parts.scheme == "http" and not is_loopback(host):
        return "it must begin with https://: plain http is for this machine alone"
    return None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
