"""uvicorn inside the worker's event loop. Signals belong to the daemon."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from worker.errors import SettingsError

DEFAULT_PORT = 8080
KEEP_ALIVE = 30  # s
# Connections; more are answered 503. Not so few that one machine which holds some open takes the
# health check's place, and below the 1,024 files that a process may usually open.
AT_ONCE = 800
IDLE_FOR = 150  # ticks of uvicorn's, of 0.1 s


class Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._idle: dict[Any, Any] = {}

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def on_tick(self, counter: int) -> bool:
        if counter % IDLE_FOR == 0:
            self.close_idle()
        return await super().on_tick(counter)

    def close_idle(self) -> None:
        """Where nothing was asked since the last look.

        uvicorn waits for ever for a first request, and for the rest of any request's head.
        """
        idle = {each: cycle_of(each) for each in self.server_state.connections if is_idle(each)}
        for connection, cycle in idle.items():
            if connection in self._idle and self._idle[connection] is cycle:
                connection.shutdown()
        self._idle = idle


def cycle_of(connection: Any) -> Any:
    """The request that it last began, with the answer."""
    return getattr(connection, "cycle", None)


def is_idle(connection: Any) -> bool:
    cycle = cycle_of(connection)
    return cycle is None or cycle.response_complete


def listen_at(port: int | None) -> socket.socket:
    """Every address where a platform names a port, else this machine only."""
    host = "127.0.0.1" if port is None else "0.0.0.0"  # noqa: S104 - the platform's proxy is outside
    number = DEFAULT_PORT if port is None else port
    try:
        return socket.create_server((host, number))
    except OSError as error:
        raise SettingsError(
            f"The worker can't listen at port {number}: {error.strerror}. If another worker or "
            "program on this machine has it, set PORT to a free one."
        ) from error


def new_server(app: ASGIApp) -> Server:
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_keep_alive=KEEP_ALIVE,
        limit_concurrency=AT_ONCE,
        timeout_graceful_shutdown=2,
        server_header=False,
    )
    return Server(config)
