"""The same control over HTTP, for processes of their own: everything under /_simulator/."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from worker.simulator.errors import SimulatorError
from worker.simulator.script import rule_of, rule_table

if TYPE_CHECKING:
    from worker.simulator.server import Simulator

PREFIX = "_simulator"
Action = Callable[[Request], Awaitable[Any]]


class Control:
    def __init__(self, simulator: "Simulator") -> None:
        self._simulator = simulator
        self._actions: dict[tuple[str, str], Action] = {
            ("GET", "book"): self._book,
            ("GET", "rules"): self._rules,
            ("POST", "rules"): self._add_rules,
            ("DELETE", "rules"): self._forget_rules,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._advance,
            ("POST", "settle"): self._settle,
            ("POST", "webhooks"): self._register,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        action = self._actions.get((request.method, request.url.path.removeprefix(f"/{PREFIX}/")))
        status, answer = await self._perform(action, request)
        text = json.dumps(answer, default=_plain, indent=1)
        await Response(text, status, media_type="application/json")(scope, receive, send)

    async def _perform(self, action: Action | None, request: Request) -> tuple[int, Any]:
        if action is None:
            known = [f"{method} /{PREFIX}/{name}" for method, name in self._actions]
            return 404, {"message": "No such control.", "there_are": known}
        try:
            return 200, await action(request)
        except (SimulatorError, KeyError, TypeError, ValueError) as error:
            return 400, {"message": f"{type(error).__name__}: {error}"}

    async def _book(self, request: Request) -> Any:
        names = request.query_params.getlist("provider") or ["meshy", "tripo"]
        return {name: asdict(self._simulator.book(name)) for name in names}

    async def _rules(self, request: Request) -> Any:
        del request
        return [
            {**rule_table(entry.rule), "seen": entry.seen, "done": entry.done}
            for entry in self._simulator.rules.entries
        ]

    async def _add_rules(self, request: Request) -> Any:
        sent = await request.json()
        rules = [rule_of(table) for table in (sent if isinstance(sent, list) else [sent])]
        self._simulator.script(*rules)
        return await self._rules(request)

    async def _forget_rules(self, request: Request) -> Any:
        self._simulator.forget_rules()
        return await self._rules(request)

    async def _clock(self, request: Request) -> Any:
        del request
        return {"now": self._simulator.clock.now(), "speed": self._simulator.clock.speed}

    async def _advance(self, request: Request) -> Any:
        self._simulator.clock.jump(float((await request.json())["advance"]))
        await self._simulator.clock.idle()
        return await self._clock(request)

    async def _settle(self, request: Request) -> Any:
        order = await request.json()
        self._simulator.settle(order.pop("task_id"), order.pop("status"), **order)
        return {}

    async def _register(self, request: Request) -> Any:
        order = await request.json()
        provider = getattr(self._simulator, order["provider"])
        provider.webhooks.register(order["url"], order["secret"])
        return {}


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
