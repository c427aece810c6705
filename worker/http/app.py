"""The addresses of the HTTP face."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from worker.http.health import Health
from worker.http.metrics import Metrics
from worker.http.webhooks import Webhooks


def new_http(
    health: Health, metrics: Metrics, webhooks: Webhooks, files: Sequence[BaseRoute] = ()
) -> Starlette:
    """`files`: of a storage that nobody else serves."""
    return Starlette(
        routes=[
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", metrics.show),
            Route("/webhooks/{provider}", webhooks.receive, methods=["POST"]),
            *files,
        ]
    )
