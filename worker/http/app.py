"""The addresses of the HTTP face."""

from starlette.applications import Starlette
from starlette.routing import Route

from worker.http.health import Health
from worker.http.webhooks import Webhooks


def new_http(health: Health, webhooks: Webhooks) -> Starlette:
    return Starlette(
        routes=[
            Route("/healthz", health.alive),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
            Route("/webhooks/{provider}", webhooks.receive, methods=["POST"]),
        ]
    )
