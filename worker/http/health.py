"""GET /healthz: it lives. GET /readyz: it can do its work."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from worker.database.connection import is_passing
from worker.database.engine import Engine
from worker.database.listener import Listener

DATABASE_TIMEOUT = 3.0  # s
SILENT_AT_MOST = 15.0  # s without a sign from LISTEN
READY_AT_MOST = 120  # s that a run which could be begun has waited for a worker

Json = dict[str, Any]


class Health:
    def __init__(self, engine: Engine, listener: Listener) -> None:
        self._engine = engine
        self._listener = listener

    async def alive(self, request: Request) -> Response:
        del request
        return JSONResponse({"status": "alive"})

    async def ready(self, request: Request) -> Response:
        del request
        queue = await self._ask()
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

    async def _ask(self) -> Json | None:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT):
                return await self._engine.health()
        except Exception as error:
            if not is_passing(error):
                raise
            return None
