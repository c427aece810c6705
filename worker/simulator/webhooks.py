"""Webhooks: registered as in the provider's dashboard, delivered, retried, given up."""

import asyncio
import json
import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx

from worker.simulator.book import BookedDelivery
from worker.simulator.errors import SimulatorError
from worker.simulator.fault import Fault
from worker.simulator.script import Rule

if TYPE_CHECKING:
    from worker.simulator.provider import Provider

DELIVERY_TIMEOUT = 5.0
MOST_HOOKS = 5
ROTATION_SECONDS = 86_400.0
LATE_SECONDS = 600.0
HELD_SECONDS = 30.0
FAILURE = 400

ON_DELIVERY = frozenset(
    {
        Fault.WEBHOOK_DUPLICATE,
        Fault.WEBHOOK_FORGED,
        Fault.WEBHOOK_LATE,
        Fault.WEBHOOK_REORDERED,
        Fault.WEBHOOK_LOST,
    }
)


@dataclass(frozen=True, slots=True)
class Event:
    id: str
    name: str
    task_id: str
    resource: str
    task_status: str
    progress: int | None
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parcel:
    event: Event
    delivery: str
    attempt: int = 1
    rule: Rule | None = None

    @property
    def fault(self) -> Fault | None:
        return self.rule.fault if self.rule else None


@dataclass(slots=True, eq=False)
class Hook:
    url: str
    secrets: list[tuple[str, float]]
    """(secret, valid until); the newest last."""
    active: bool = True
    failures: int = 0
    queue: deque[Parcel] = field(default_factory=deque)
    held: list[Parcel] = field(default_factory=list)
    works: bool = False

    def valid_secrets(self, now: float) -> list[str]:
        return [secret for secret, until in self.secrets if now < until]


class Webhooks:
    retry_seconds: tuple[float, ...] = (10.0, 60.0, 300.0)
    """The providers do not say when they try again."""
    disabled_after: int = 10
    """Failed deliveries in a row; the providers do not say how many."""

    def __init__(self, provider: "Provider") -> None:
        self._provider = provider
        self._clients: dict[bool, httpx.AsyncClient] = {}
        self.hooks: list[Hook] = []

    def register(self, url: str, secret: str) -> Hook:
        if sum(hook.active for hook in self.hooks) >= MOST_HOOKS:
            raise SimulatorError(f"An account has at most {MOST_HOOKS} active webhooks.")
        hook = Hook(url, [(secret, math.inf)])
        self.hooks.append(hook)
        return hook

    def unregister(self, url: str) -> None:
        self.hooks = [hook for hook in self.hooks if hook.url != url]

    def rotate(self, url: str, secret: str, keep_seconds: float = ROTATION_SECONDS) -> None:
        """The old secret signs besides the new one for a while."""
        until = self._provider.clock.seconds() + keep_seconds
        for hook in self._hooks_at(url):
            hook.secrets = [(old, min(end, until)) for old, end in hook.secrets]
            hook.secrets.append((secret, math.inf))

    def enable(self, url: str) -> None:
        """What a person does in the dashboard after the provider disabled a hook."""
        for hook in self._hooks_at(url):
            hook.active, hook.failures = True, 0

    def deliver(self, event: Event) -> None:
        for hook in self.hooks:
            if hook.active:
                self._post(hook, event)

    async def stop(self) -> None:
        for client in self._clients.values():
            await client.aclose()

    def _hooks_at(self, url: str) -> list[Hook]:
        found = [hook for hook in self.hooks if hook.url == url]
        if not found:
            raise SimulatorError(f"{self._provider.name} has no webhook {url}.")
        return found

    def _post(self, hook: Hook, event: Event) -> None:
        provider = self._provider
        rule = provider.script.match(provider.name, "webhook", event.resource, ON_DELIVERY)
        parcel = Parcel(event, str(provider.identity()), rule=rule)
        match parcel.fault:
            case Fault.WEBHOOK_LOST:
                self._book(hook, parcel, None)
            case Fault.WEBHOOK_LATE:
                self._later(hook, parcel, rule.seconds(LATE_SECONDS) if rule else 0.0)
            case Fault.WEBHOOK_REORDERED:
                self._hold(hook, parcel)
            case Fault.WEBHOOK_DUPLICATE:
                self._send(hook, parcel, parcel)
            case _:
                self._send(hook, parcel)

    def _hold(self, hook: Hook, parcel: Parcel) -> None:
        """It goes out right after the next one, or alone if none comes."""
        hook.held.append(parcel)
        self._provider.clock.at(
            self._provider.clock.seconds() + HELD_SECONDS, lambda: self._send(hook)
        )

    def _later(self, hook: Hook, parcel: Parcel, seconds: float) -> None:
        self._provider.clock.at(
            self._provider.clock.seconds() + seconds, lambda: self._send(hook, parcel)
        )

    def _send(self, hook: Hook, *parcels: Parcel) -> None:
        hook.queue.extend((*parcels, *hook.held))
        hook.held.clear()
        if hook.queue and not hook.works:
            hook.works = True
            self._provider.in_background(self._work(hook))

    async def _work(self, hook: Hook) -> None:
        try:
            while hook.queue:
                await self._attempt(hook, hook.queue.popleft())
        finally:
            hook.works = False

    async def _attempt(self, hook: Hook, parcel: Parcel) -> None:
        if not hook.active:
            return
        answer = await self._request(hook, parcel)
        self._book(hook, parcel, answer)
        if answer is not None and answer < FAILURE:
            hook.failures = 0
        elif parcel.fault is not Fault.WEBHOOK_FORGED:  # a forger does not try again
            self._failed(hook, parcel)

    async def _request(self, hook: Hook, parcel: Parcel) -> int | None:
        raw = json.dumps(self._body(parcel), separators=(",", ":")).encode()
        headers = self._provider.sign(hook, parcel, raw)
        try:
            async with asyncio.timeout(DELIVERY_TIMEOUT):
                response = await self._client(hook.url).post(
                    hook.url,
                    content=raw,
                    headers={"content-type": "application/json", **headers},
                )
        except (httpx.HTTPError, TimeoutError):
            return None
        return response.status_code

    def _client(self, url: str) -> httpx.AsyncClient:
        """Without certificates where none are needed: loading them takes 0.2 s."""
        secure = url.startswith("https:")
        if secure not in self._clients:
            self._clients[secure] = httpx.AsyncClient(
                timeout=DELIVERY_TIMEOUT, trust_env=False, verify=secure
            )
        return self._clients[secure]

    def _body(self, parcel: Parcel) -> dict[str, Any]:
        lies = parcel.rule.options.get("body", {}) if parcel.rule else {}
        return {**parcel.event.body, **lies}

    def _failed(self, hook: Hook, parcel: Parcel) -> None:
        hook.failures += 1
        if hook.failures >= self.disabled_after:
            hook.active = False
        elif parcel.attempt <= len(self.retry_seconds):
            again = Parcel(parcel.event, parcel.delivery, parcel.attempt + 1, parcel.rule)
            self._later(hook, again, self.retry_seconds[parcel.attempt - 1])

    def _book(self, hook: Hook, parcel: Parcel, answer: int | None) -> None:
        event = parcel.event
        booked = BookedDelivery(
            at=self._provider.clock.now(),
            url=hook.url,
            event=event.name,
            task_id=event.task_id,
            task_status=event.task_status,
            progress=event.progress,
            attempt=parcel.attempt,
            answer=answer,
            fault=parcel.fault,
        )
        self._provider.ledger.deliveries.append(booked)
