"""POST /webhooks/{provider}: a hint, which is checked and wakes whoever watches the task.

Anybody can knock here, without a key and as often as they like: what that costs is bounded.
"""

import asyncio
import re
from collections.abc import Mapping
from hashlib import sha256

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.database.connection import is_passing
from worker.database.engine import Engine
from worker.pipeline.held import Served
from worker.providers.outcome import Forged, Hint, Ignored
from worker.providers.protocol import Secrets

MOST_BYTES = 1_000_000
BODY_WITHIN = 10.0  # s
AT_ONCE = 100  # bodies in memory
# As `rotate_webhook_secret` makes them.
USERS_SECRET = re.compile(r"mqs_[0-9a-f]{64}")
MOST_SECRETS = 4

log = structlog.get_logger()

ClearSecrets = Mapping[str, tuple[str, ...]]


class Webhooks:
    def __init__(self, engine: Engine, served: Mapping[str, Served], clear: ClearSecrets) -> None:
        self._engine = engine
        self._served = served
        self._clear = clear
        self._under_way = 0
        self._turn = asyncio.Lock()  # one of the few connections to the database, not all

    async def receive(self, request: Request) -> Response:
        name = request.path_params["provider"].upper()
        served = self._served.get(name)
        if served is None:
            return Response(status_code=404)
        if self._under_way >= AT_ONCE:
            return hang_up(503)
        self._under_way += 1
        try:
            body = await read_body(request)
            if isinstance(body, Response):
                return body
            return await self._answer(name, served, request.headers, body)
        except Exception as fault:
            if not is_passing(fault):
                raise
            log.warning("webhook_put_off", action="webhook_put_off", provider=name)
            return Response(status_code=503)  # the provider tells it again, or the task is polled
        finally:
            self._under_way -= 1

    async def _answer(
        self, name: str, served: Served, headers: Mapping[str, str], body: bytes
    ) -> Response:
        verdict = served.provider.verify(headers, body, Secrets(clear=self._clear.get(name, ())))
        if isinstance(verdict, Forged) and (given := digests_of_users_secrets(headers)):
            async with self._turn:
                known = frozenset(await self._engine.webhook_hashes(name, given))
            verdict = served.provider.verify(headers, body, Secrets(hashes=known))
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
            async with self._turn:
                await self._engine.notify_task(name, task_id)
        return Response(status_code=204)


def digests_of_users_secrets(headers: Mapping[str, str]) -> list[str]:
    given = [value for value in headers.values() if USERS_SECRET.fullmatch(value)]
    return [sha256(value.encode()).hexdigest() for value in given[:MOST_SECRETS]]


async def read_body(request: Request) -> bytes | Response:
    """Or the refusal of one that is larger than any webhook, or that does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_WITHIN):
            async for chunk in request.stream():
                body += chunk
                if len(body) > MOST_BYTES:
                    return hang_up(413)
    except (ClientDisconnect, TimeoutError):
        return hang_up(408)
    return bytes(body)


def hang_up(status: int) -> Response:
    """What is still to come is not waited for."""
    return Response(status_code=status, headers={"connection": "close"})
