"""A client and the simulated provider that it speaks to: what was asked, and what was booked."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, replace
from io import BytesIO

from PIL import Image

from tests.providers.orders import PREVIEW
from worker.providers import open_provider
from worker.providers.images import prepare_picture
from worker.providers.order import Angle, Order, Picture, Stage, Step, Task
from worker.providers.outcome import Accepted, Output, Ready, State, Succeeded
from worker.providers.patience import Patience
from worker.providers.protocol import Done, Provider
from worker.simulator import Book, Simulator
from worker.simulator.fault import ProviderName

SIMULATED: Mapping[str, ProviderName] = {"MESHY": "meshy", "TRIPO": "tripo"}

# Long enough for a busy machine: only what really hangs is given up.
HASTE = Patience(
    connect=5,
    place=5,
    write=5,
    answer=1,
    paid_answer=1,
    upload=1,
    turn=5,
    stream_silence=0.3,
    reconnect_first=0.02,
    reconnect_most=0.05,
    poll_first=0.05,
    poll_most=0.1,
    poll_at_the_end=0.1,
    batch=0.05,
)
CALM = replace(HASTE, answer=15, paid_answer=15, upload=15)
SOON = 60.0

RIGGABLE = Output(facts={"riggable": True, "rig_type": "biped"})

# Every paid request, by the name of its step; some follow another one of their stage.
REQUESTS = {
    "MESHY": ("preview", "refine", "generate", "generate of views", "remesh", "rig at once"),
    "TRIPO": (
        *("preview", "refine", "generate", "generate of views", "convert-glb", "convert-fbx"),
        *("rig-check", "rig"),
    ),
}


def drawn(angle: Angle) -> Picture:
    buffer = BytesIO()
    Image.new("RGB", (64, 64), {"front": "red"}.get(angle, "blue")).save(buffer, "PNG")
    picture = prepare_picture(buffer.getvalue(), 0, angle)
    assert isinstance(picture, Picture)
    return picture


@dataclass(frozen=True)
class Journey:
    simulator: Simulator
    name: str
    provider: Provider

    @property
    def book(self) -> Book:
        return self.simulator.book(SIMULATED[self.name])

    @property
    def creates(self) -> int:
        """Paid requests that reached the provider."""
        return len([each for each in self.book.requests if each.operation == "create"])

    async def step(self, request: str) -> Step:
        """The paid request of that name, ready to be sent."""
        order, done = await self._asked(request)
        outcome = await self.provider.prepare(order, done)
        assert isinstance(outcome, Ready), outcome
        return outcome.step

    async def accepted(self, step: Step) -> Task:
        outcome = await self.provider.submit(step)
        assert isinstance(outcome, Accepted), outcome
        return outcome.task

    async def finished(self, step: Step) -> Task:
        task = await self.accepted(step)
        self.simulator.settle(task.id, "succeeded")
        return task

    async def end(self, task: Task) -> State:
        """The state after which watching ends."""
        async with asyncio.timeout(SOON), aclosing(self.provider.watch(task)) as states:
            seen = [state async for state in states]
        return seen[-1]

    async def left_alone(self) -> None:
        """Returns when the provider sees no connection any more."""
        await self.provider.close()
        deadline = time.monotonic() + SOON
        while self.book.open_connections:
            assert time.monotonic() < deadline, "a connection was left open"
            await asyncio.sleep(0.005)

    async def _asked(self, request: str) -> tuple[Order, tuple[Done, ...]]:
        match request:
            case "preview":
                return PREVIEW, ()
            case "generate":
                return Order(Stage.GENERATE, pictures=(drawn("front"),)), ()
            case "generate of views":
                return Order(Stage.GENERATE, pictures=(drawn("front"), drawn("back"))), ()
        outcome = await self.provider.prepare(replace(PREVIEW, polycount=5000))
        assert isinstance(outcome, Ready), outcome
        return _built_on(await self.finished(outcome.step), request)


def _built_on(source: Task, request: str) -> tuple[Order, tuple[Done, ...]]:
    match request:
        case "refine":
            return Order(Stage.REFINE, prompt=PREVIEW.prompt, pbr=True, source=source), ()
        case "rig" | "rig-check" | "rig at once":
            checked = Done("rig-check", source, Succeeded(RIGGABLE))
            return Order(Stage.RIG, source=source), (checked,) if request == "rig" else ()
        case _:
            order = Order(Stage.REMESH, polycount=3500, formats=("glb", "fbx"), source=source)
            converted = Done("convert-glb", source, Succeeded(Output()))
            return order, (converted,) if request == "convert-fbx" else ()


@asynccontextmanager
async def journey(
    name: str, *, seed: int = 1, speed: float = 0, patience: Patience = CALM
) -> AsyncIterator[Journey]:
    """At speed 0 tasks wait for ever, unless a test ends them."""
    async with Simulator(seed=seed, speed=speed) as simulator:
        account = {"MESHY": simulator.meshy, "TRIPO": simulator.tripo}[name]
        provider = open_provider(name, account.key, address=account.url, patience=patience)
        try:
            yield Journey(simulator, name, provider)
        finally:
            await provider.close()
