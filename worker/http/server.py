"""uvicorn inside the worker's event loop. Signals belong to the daemon."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

DEFAULT_PORT = 8080
KEEP_ALIVE = 30  # s
AT_ONCE = 200  # requests; more are answered 503, so that a flood of webhooks costs no memory


class Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def new_server(app: ASGIApp, port: int | None) -> Server:
    """Every address where a platform names a port, else this machine only."""
    host = "127.0.0.1" if port is None else "0.0.0.0"  # noqa: S104 - the platform's proxy is outside
    config = uvicorn.Config(
        app,
        host=host,
        port=DEFAULT_PORT if port is None else port,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE,
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    return Server(config)
