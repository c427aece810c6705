"""A whole project behind one address, as an app knows it: /rest/v1, /storage/v1, /realtime/v1."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import Receive, Scope, Send

from tests.clients.realtime import Realtime
from worker.simulator.wire import Connection, connection_of, gone

TIMEOUT = 60
METHODS = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]
HOP_BY_HOP = {"connection", "content-encoding", "content-length", "host", "transfer-encoding"}


@dataclass
class Front:
    rest_url: str
    storage_url: str
    realtime: Realtime
    url: str = ""
    seen: list[str] = field(default_factory=list)
    _held: str | None = None
    _cuts: dict[str, int] = field(default_factory=dict)
    http: httpx.AsyncClient | None = None

    def cut_after(self, path: str, times: int = 1) -> None:
        """The next requests whose path ends so are carried out, and their answers get lost."""
        self._cuts[path] = times

    def hold(self, path: str) -> None:
        """Requests whose path ends so reach nobody, and get no answer."""
        self._held = path

    def count(self, path: str) -> int:
        return sum(each.endswith(path) for each in self.seen)

    async def pass_on(self, request: Request) -> Response:
        path = request.url.path
        self.seen.append(path)
        if self._held and path.endswith(self._held):
            return Hung()
        base, rest = self._target(path)
        self.http = self.http or httpx.AsyncClient(timeout=TIMEOUT)
        answer = await self.http.request(
            request.method,
            f"{base}{rest}?{request.url.query}",
            content=await request.body(),
            headers=[pair for pair in request.headers.items() if pair[0] not in HOP_BY_HOP],
        )
        if self._cut(path):
            return Lost()
        headers = {k: v for k, v in answer.headers.items() if k not in HOP_BY_HOP}
        return Response(answer.content, answer.status_code, headers)

    def _target(self, path: str) -> tuple[str, str]:
        if path.startswith("/rest/v1"):
            return self.rest_url, path.removeprefix("/rest/v1")
        return self.storage_url, path

    def _cut(self, path: str) -> bool:
        for end, times in self._cuts.items():
            if path.endswith(end) and times > 0:
                self._cuts[end] -= 1
                return True
        return False


class Hung(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, send
        await gone(receive)


class Lost(Response):
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        connection_of(scope).reset()
        await gone(receive)


@contextmanager
def serving(front: Front) -> Iterator[Front]:
    routes = [
        WebSocketRoute("/realtime/v1/websocket", front.realtime.serve),
        Route("/{path:path}", front.pass_on, methods=METHODS),
    ]
    config = uvicorn.Config(
        Starlette(routes=routes),
        port=0,
        http=Connection,
        ws="websockets-sansio",
        lifespan="off",
        log_level="critical",
        access_log=False,
    )
    server = uvicorn.Server(config)
    started = threading.Event()
    thread = threading.Thread(target=asyncio.run, args=[serve(server, started, front)])
    thread.start()
    try:
        assert started.wait(10)
        front.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield front
    finally:
        server.should_exit = server.force_exit = True
        thread.join()


async def serve(server: uvicorn.Server, started: threading.Event, front: Front) -> None:
    task = asyncio.create_task(server.serve())
    while not server.started and not task.done():
        await asyncio.sleep(0)
    front.realtime.loop = asyncio.get_running_loop()
    started.set()
    await task
    if front.http is not None:
        await front.http.aclose()
