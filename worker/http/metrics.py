"""GET /metrics, as Prometheus reads it: what the place shows, then what this process counts."""

import asyncio
import hmac
from collections.abc import Callable, Iterator, Mapping

import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from worker.database.connection import is_passing
from worker.database.vitals import Vitals
from worker.telemetry.families import OF_THE_DATABASE, OF_THE_WORKER, Sample, families
from worker.telemetry.instruments import REGISTRY

DATABASE_TIMEOUT = 3.0  # s
FRESH_FOR = 5.0  # s: who asks more often is told the same again

Own = Callable[[], Mapping[str, float]]

log = structlog.get_logger()


class Snapshot(Collector):
    def __init__(self, own: list[Sample], shared: list[Sample] | None) -> None:
        self._own = own
        self._shared = shared

    def collect(self) -> Iterator[Metric]:
        """Without an answer of the database its families are left out: no number is no zero."""
        yield from families(OF_THE_WORKER, self._own)
        if self._shared is not None:
            yield from families(OF_THE_DATABASE, self._shared)
        yield from REGISTRY.collect()


class Metrics:
    def __init__(self, vitals: Vitals, own: Own, token: str | None = None) -> None:
        self._vitals = vitals
        self._own = own
        self._token = token
        self._turn = asyncio.Lock()
        self._asked_at = float("-inf")
        self._shared: list[Sample] | None = None

    async def show(self, request: Request) -> Response:
        if not self._opens(request.headers.get("authorization", "")):
            return Response(status_code=401, headers={"www-authenticate": "Bearer"})
        async with self._turn:
            await self._refresh()
        reachable = {"database_reachable": 0.0 if self._shared is None else 1.0}
        own = [Sample(name, {}, value) for name, value in {**reachable, **self._own()}.items()]
        text = generate_latest(Snapshot(own, self._shared))
        return Response(text, media_type=CONTENT_TYPE_LATEST)

    def _opens(self, authorization: str) -> bool:
        """Where the port is open to the world, the numbers need not be."""
        if self._token is None:
            return True
        return hmac.compare_digest(authorization.encode(), f"Bearer {self._token}".encode())

    async def _refresh(self) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._asked_at < FRESH_FOR:
            return
        self._shared = await self._ask()
        self._asked_at = now

    async def _ask(self) -> list[Sample] | None:
        try:
            async with asyncio.timeout(DATABASE_TIMEOUT):
                return [Sample(*each) for each in await self._vitals.samples()]
        except Exception as error:
            if not is_passing(error):
                raise
            log.info("vitals_unseen", action="vitals_unseen", error=str(error))
            return None
