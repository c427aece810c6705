"""Starting, stopping and steering the simulator."""

import asyncio
import socket
from types import TracebackType
from typing import Self

import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from worker.simulator.book import Book
from worker.simulator.bookkeeping import book_of
from worker.simulator.clock import Clock
from worker.simulator.control import PREFIX, Control
from worker.simulator.errors import SimulatorError
from worker.simulator.gate import Gate, unless_stopped
from worker.simulator.meshy import Meshy
from worker.simulator.product import TEXTURE_SIZE, Workshop
from worker.simulator.provider import Provider, Surroundings
from worker.simulator.script import Rule, Script
from worker.simulator.thread import LoopThread
from worker.simulator.tripo import Tripo
from worker.simulator.wire import Connection

HOST = "127.0.0.1"
BACKLOG = 2048
KEEP_ALIVE_SECONDS = 75
STOP_TIMEOUT = 5.0


class Simulator:
    """Both providers on one port of loopback; `with` or `async with` starts and stops it."""

    def __init__(
        self,
        seed: int = 1,
        speed: float = 1.0,
        port: int = 0,
        texture_size: int = TEXTURE_SIZE,
    ) -> None:
        self._thread = LoopThread()
        self._port = port
        self._server: asyncio.Server | None = None
        self._state = ServerState()
        self.clock = Clock(self._thread, speed)
        self._script = Script(seed)
        around = Surroundings(seed, self.clock, self._script, Workshop(texture_size))
        self.meshy = Meshy(around)
        self.tripo = Tripo(around)
        self._gates = {
            name: Gate(provider)
            for provider in self.providers
            for name in (provider.name, provider.cdn)
        }
        self._control = Control(self)

    @property
    def providers(self) -> tuple[Provider, ...]:
        return (self.meshy, self.tripo)

    @property
    def control_url(self) -> str:
        return f"{self.meshy.links.base}/{PREFIX}"

    @property
    def rules(self) -> Script:
        return self._script

    def script(self, *rules: Rule) -> None:
        self._thread.call(lambda: self._script.add(*rules))

    def forget_rules(self) -> None:
        self._thread.call(self._script.clear)

    def settle(self, task_id: str, status: str, **error: object) -> None:
        """Ends a task now; a failed one with `type`, `code` and `message`."""
        provider = next((found for found in self.providers if task_id in found.tasks), None)
        if provider is None:
            raise SimulatorError(f"No provider has a task {task_id}.")
        self._thread.call(lambda: provider.settle(task_id, status, **error))

    def book(self, provider: str) -> Book:
        found = next((known for known in self.providers if known.name == provider), None)
        if found is None:
            raise SimulatorError(f"There is no provider {provider!r}, only meshy and tripo.")
        return self._thread.call(lambda: book_of(found, self._open_connections(found)))

    # --- life

    def start(self) -> None:
        listening = _listen(self._port)
        port = listening.getsockname()[1]
        for provider in self.providers:
            provider.links.base = f"http://{HOST}:{port}"
            provider.url = f"{provider.links.base}/{provider.name}"
        self._thread.start()
        self._thread.run(self._serve(listening))

    def stop(self) -> None:
        if self._thread.runs:
            self._thread.run(self._close())
            self._thread.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self.stop)

    # --- on the simulator's own thread

    async def _serve(self, listening: socket.socket) -> None:
        config = uvicorn.Config(
            unless_stopped(self._answer),
            http=Connection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        config.load()
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Connection(config, self._state, {}, loop), sock=listening, backlog=BACKLOG
        )
        self.clock.run_due()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        first = path.split("/", 2)[1]
        gate = self._gates.get(first)
        if gate is not None:
            scope["state"]["path"] = path.removeprefix(f"/{first}") if first == gate.name else path
            await gate(scope, receive, send)
        elif first == PREFIX:
            await self._control(scope, receive, send)
        else:
            hint = f"Here are /meshy, /tripo and /{PREFIX}.\n"
            await PlainTextResponse(hint, 404)(scope, receive, send)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._state.connections):
            connection.transport.abort()
        await self.clock.stop()
        for provider in self.providers:
            await provider.webhooks.stop()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=1.0)
        for task in (left := tuple(self._state.tasks)):
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=STOP_TIMEOUT)

    def _open_connections(self, provider: Provider) -> int:
        return sum(
            getattr(connection, "provider", None) == provider.name
            for connection in self._state.connections
        )


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named: else every answer
    # waits 40 ms for the client to acknowledge its headers.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError as error:
        listening.close()
        raise SimulatorError(
            f"Can't listen on port {port} of {HOST}: {error.strerror}."
            " Choose another one, or 0 for any free one."
        ) from None
    return listening
