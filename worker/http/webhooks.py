"""POST /webhooks/{provider}: a hint, which is checked and wakes whoever watches the task."""

from collections.abc import Mapping

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.database.engine import Engine
from worker.pipeline.held import Served
from worker.providers.outcome import Forged, Hint, Ignored
from worker.providers.protocol import Secrets

MOST_BYTES = 1_000_000

log = structlog.get_logger()

ClearSecrets = Mapping[str, tuple[str, ...]]


class Webhooks:
    def __init__(self, engine: Engine, served: Mapping[str, Served], clear: ClearSecrets) -> None:
        self._engine = engine
        self._served = served
        self._clear = clear

    async def receive(self, request: Request) -> Response:
        name = request.path_params["provider"].upper()
        served = self._served.get(name)
        if served is None:
            return Response(status_code=404)
        body = await read_body(request)
        if body is None:
            return Response(status_code=413)
        return await self._answer(name, served, request.headers, body)

    async def _answer(
        self, name: str, served: Served, headers: Mapping[str, str], body: bytes
    ) -> Response:
        verdict = served.provider.verify(headers, body, Secrets(clear=self._clear.get(name, ())))
        if isinstance(verdict, Forged):
            hashes = frozenset(await self._engine.webhook_hashes(name))
            verdict = served.provider.verify(headers, body, Secrets(hashes=hashes))
        match verdict:
            case Hint(task_id):
                return await self._pass_on(name, served, task_id)
            case Ignored():
                return Response(status_code=204)
            case Forged(reason):
                log.warning("webhook_refused", action="webhook_refused", provider=name, why=reason)
                return Response(status_code=401)

    async def _pass_on(self, name: str, served: Served, task_id: str) -> Response:
        """A task that nobody knows is answered the same: it may be ours in a moment."""
        if not served.provider.nudge(task_id):
            await self._engine.notify_task(name, task_id)
        return Response(status_code=204)


async def read_body(request: Request) -> bytes | None:
    """None: larger than any webhook."""
    body = b""
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                return None
    except ClientDisconnect:
        return None
    return body
