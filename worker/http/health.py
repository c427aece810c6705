"""GET /healthz: it lives. GET /readyz: it can do its work. GET /metrics: what it does."""

import asyncio
from collections.abc import Callable
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.database.connection import is_passing
from worker.database.engine import Engine
from worker.database.listener import Listener

DATABASE_TIMEOUT = 3.0  # s
SILENT_AT_MOST = 15.0  # s without a sign from LISTEN
READY_AT_MOST = 120  # s that a run which could be begun has waited for a worker

Counts = Callable[[], dict[str, int]]
Json = dict[str, Any]


class Health:
    def __init__(self, engine: Engine, listener: Listener, counts: Counts) -> None:
        self._engine = engine
        self._listener = listener
        self._counts = counts
        self._registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}

    async def alive(self, request: Request) -> Response:
        del request
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        del request
        queue = await self._ask()
        problems = self._problems(queue)
        body = {"ready": not problems, "problems": problems, "queue": queue}
        return JSONResponse(body, status_code=503 if problems else 200)

    async def metrics(self, request: Request) -> Response:
        del request
        self._set("listen_silent_seconds", min(self._listener.silent_for(), 1e9))
        for name, value in self._counts().items():
            self._set(name, value)
        queue = await self._ask()
        self._set("database_reachable", 0 if queue is None else 1)
        for state, count in (queue or {}).get("runs", {}).items():
            self._set(f"queue_runs_{state}", count)
        for pool, count in (queue or {}).get("waiting", {}).items():
            self._set(f"queue_waiting_{pool.replace(':', '_')}", count)
        if queue:
            self._set("queue_oldest_ready_seconds", queue["oldest_ready_seconds"])
            self._set("workers", queue["workers"])
            self._set("providers_paused", len(queue["paused"]))
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

    def _problems(self, queue: Json | None) -> list[str]:
        problems = []
        if queue is None:
            problems.append("the database does not answer")
        elif queue["oldest_ready_seconds"] > READY_AT_MOST:
            problems.append(f"work has waited {queue['oldest_ready_seconds']} s for a worker")
        if self._listener.silent_for() > SILENT_AT_MOST:
            problems.append("LISTEN is not present")
        return problems

    async def _ask(self) -> Json | None:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT):
                return await self._engine.health()
        except Exception as error:
            if not is_passing(error):
                raise
            return None

    def _set(self, name: str, value: float) -> None:
        if name not in self._gauges:
            text = name.replace("_", " ")
            self._gauges[name] = Gauge(f"meshqueue_{name}", text, registry=self._registry)
        self._gauges[name].set(value)
