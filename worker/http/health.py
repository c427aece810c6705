"""GET /healthz: it lives. GET /readyz: it can do its work."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.database.connection import is_passing
from worker.database.engine import Engine
from worker.database.listener import Listener

DATABASE_TIMEOUT = 3.0  # s
FRESH_FOR = 1.0  # s: who asks more often is told the same again
SILENT_AT_MOST = 15.0  # s without a sign from LISTEN
READY_AT_MOST = 120  # s that a run which could be begun has waited for a worker

Json = dict[str, Any]


class Health:
    def __init__(self, engine: Engine, listener: Listener) -> None:
        self._engine = engine
        self._listener = listener
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._queue: Json | None = None

    async def alive(self, request: Request) -> Response:
        del request
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        del request
        async with self._turn:
            await self._refresh()
        queue = self._queue
        problems = self._problems(queue)
        body = {"ready": not problems, "problems": problems, "queue": queue}
        return JSONResponse(body, status_code=503 if problems else 200)

    def _problems(self, queue: Json | None) -> list[str]:
        problems = []
        if queue is None:
            problems.append("the database does not answer")
        elif queue["oldest_ready_seconds"] > READY_AT_MOST:
            problems.append(f"work has waited {queue['oldest_ready_seconds']} s for a worker")
        if self._listener.silent_for() > SILENT_AT_MOST:
            problems.append("LISTEN is not present")
        return problems

    async def _refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._asked_at >= FRESH_FOR:
            self._queue = await self._ask()
            self._asked_at = asyncio.get_running_loop().time()

    async def _ask(self) -> Json | None:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT):
                return await self._engine.health()
        except Exception as error:
            if not is_passing(error):
                raise
            return None
