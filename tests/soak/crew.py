"""The workers: each has a seat, and whoever dies on it is followed by another."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from tests.soak.scene import Scene

CHECKOUT = Path(__file__).parents[2]
READY_WITHIN = 60.0  # s: the database may be away meanwhile
LEAVES_WITHIN = 60.0


@dataclass(frozen=True)
class Death:
    worker: UUID | None
    """None: it had not begun to work."""
    at: datetime
    by: str


@dataclass
class Seat:
    port: int
    process: Process | None = None
    worker: UUID | None = None
    sent: str = ""
    """The signal that it was sent by us."""


@dataclass
class Crew:
    scene: Scene
    seats: list[Seat]
    log: BinaryIO
    deaths: list[Death] = field(default_factory=list)
    _keeping: list["asyncio.Task[None]"] = field(default_factory=list)

    @property
    def alive(self) -> int:
        return sum(seat.worker is not None for seat in self.seats)

    async def send(self, number: int, sent: signal.Signals) -> None:
        seat = self.seats[number]
        if seat.process and not seat.sent:
            seat.sent = sent.name
            with suppress(ProcessLookupError):
                seat.process.send_signal(sent)

    @property
    def by_themselves(self) -> int:
        return sum(not death.by for death in self.deaths)

    async def keep(self, seat: Seat) -> None:
        while True:
            await self._live(seat)

    async def _live(self, seat: Seat) -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.soak.labourer", json.dumps(self.scene.given(seat.port))),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=self.log,
            cwd=CHECKOUT,
        )
        seat.process = process
        assert process.stdout
        if said := (await process.stdout.readline()).decode().strip():
            seat.worker = UUID(said)
        await process.wait()
        self.deaths.append(Death(seat.worker, datetime.now(UTC), seat.sent))
        seat.process = seat.worker = None
        seat.sent = ""

    async def begin(self) -> None:
        self._keeping = [asyncio.create_task(self.keep(seat)) for seat in self.seats]
        async with asyncio.timeout(READY_WITHIN):
            while self.alive < len(self.seats):
                await asyncio.sleep(0.05)

    async def end(self) -> None:
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        await asyncio.gather(*(self._dismiss(seat) for seat in self.seats))

    @staticmethod
    async def _dismiss(seat: Seat) -> None:
        if seat.process is None or seat.process.returncode is not None:
            return
        seat.process.terminate()
        try:
            async with asyncio.timeout(LEAVES_WITHIN):
                await seat.process.wait()
        except TimeoutError:
            seat.process.kill()
            await seat.process.wait()


@asynccontextmanager
async def crew(scene: Scene, workers: int) -> AsyncIterator[Crew]:
    with (scene.folder / "workers.log").open("wb") as log:
        here = Crew(scene, [Seat(free_port()) for _ in range(workers)], log)
        for seat in here.seats[:5]:  # more webhooks no account has
            scene.hear_webhooks(seat.port)
        try:
            await here.begin()
            yield here
        finally:
            await here.end()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
