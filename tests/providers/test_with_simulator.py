"""The clients against the simulated providers: every stage, lost answers, cancel, fresh links."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO

import httpx
import pytest
from PIL import Image

from tests.providers.orders import GENERATE, PREVIEW, REFINE, REMESH, RIG
from tests.providers.raw import Request, Wire, raw_provider
from worker.providers import open_provider
from worker.providers.images import prepare_picture
from worker.providers.order import Order, Picture, Task
from worker.providers.outcome import (
    Accepted,
    Complete,
    Forged,
    Hint,
    Listing,
    NotStopped,
    Output,
    Ready,
    State,
    Succeeded,
    Unknown,
    Withdrawn,
    Working,
)
from worker.providers.patience import Patience
from worker.providers.protocol import Done, Provider, Secrets
from worker.providers.reconciliation import Absent, Adopt, NotYet, Unclear, reconcile
from worker.simulator import Fault, Rule, Simulator

HASTE = Patience(batch=0.05, poll_first=0.1, poll_most=0.5, answer=5, paid_answer=5)
NAMES = ("MESHY", "TRIPO")


@asynccontextmanager
async def provided(name: str, speed: float = 0) -> AsyncIterator[tuple[Provider, Simulator]]:
    async with Simulator(seed=1, speed=speed, texture_size=64) as simulator:
        side = simulator.meshy if name == "MESHY" else simulator.tripo
        provider = open_provider(name, side.key, address=side.url, patience=HASTE)
        try:
            yield provider, simulator
        finally:
            await provider.close()


def picture(colour: str, **more: str) -> Picture:
    image = BytesIO()
    Image.new("RGB", (300, 200), colour).save(image, "PNG")
    prepared = prepare_picture(image.getvalue(), 0, **more)  # type: ignore[arg-type]  # an angle
    assert isinstance(prepared, Picture)
    return prepared


async def accepted(provider: Provider, order: Order, *done: Done) -> tuple[str, Task]:
    ready = await provider.prepare(order, done)
    assert isinstance(ready, Ready), ready
    outcome = await provider.submit(ready.step)
    assert isinstance(outcome, Accepted), outcome
    return ready.step.name, outcome.task


async def end_of(provider: Provider, task: Task) -> State:
    async with asyncio.timeout(30), aclosing(provider.watch(task)) as states:
        return [state async for state in states][-1]


async def finished(provider: Provider, order: Order) -> tuple[Task, Output]:
    """The whole stage: the task of its first request, and all that it made."""
    done: list[Done] = []
    while not isinstance(outcome := await provider.prepare(order, done), Complete):
        name, task = await accepted(provider, order, *done)
        end = await end_of(provider, task)
        assert isinstance(end, Succeeded), end
        done.append(Done(name, task, end))
    return done[0].task, outcome.output


def formats(output: Output) -> set[str]:
    return {link.format for link in output.links if link.role == "model"}


@pytest.mark.parametrize("name", NAMES)
async def test_text_through_all_stages(name: str) -> None:
    """Each stage builds on the one before; the last has the formats that were asked for."""
    async with provided(name, speed=600) as (provider, simulator):
        source, _ = await finished(provider, PREVIEW)
        source, output = await finished(provider, replace(REFINE, source=source))
        assert formats(output) == {"glb"}
        remeshed, output = await finished(provider, replace(REMESH, source=source))
        assert formats(output) == {"glb", "fbx"}
        rigged = remeshed if name == "MESHY" else source
        _, output = await finished(provider, replace(RIG, source=rigged))
        assert "glb" in formats(output)
        book = simulator.book(name.lower())
        assert all(task.status.lower().startswith("succe") for task in book.tasks)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sides", [("front",), ("left", "front", "back")])
async def test_pictures(name: str, sides: tuple[str, ...]) -> None:
    """One or several pictures become a model."""
    order = replace(
        GENERATE,
        pbr=True,
        polycount=5000,
        pictures=tuple(picture("red", angle=side) for side in sides),
    )
    async with provided(name, speed=600) as (provider, _):
        _, output = await finished(provider, order)
    assert formats(output) == {"glb"}


@asynccontextmanager
async def lost(
    name: str, order: Order, fault: Fault
) -> AsyncIterator[tuple[Provider, Simulator, Ready]]:
    """An order whose answer is lost at the provider."""
    async with provided(name) as (provider, simulator):
        ready = await provider.prepare(order)
        assert isinstance(ready, Ready), ready
        simulator.script(Rule(fault=fault, operation="create"))
        assert isinstance(await provider.submit(ready.step), Unknown)
        yield provider, simulator, ready


async def listed(provider: Provider, simulator: Simulator, ready: Ready) -> Listing:
    """From what the journal has: the body of the request is not in it."""
    step = replace(ready.step, body={})
    listing = await provider.search(step, simulator.clock.now() - timedelta(seconds=5))
    assert isinstance(listing, Listing), listing
    return listing


LOST = (Fault.ANSWER_DROPPED, Fault.ANSWER_5XX_AFTER_ACCEPT, Fault.MALFORMED_2XX)


@pytest.mark.parametrize("fault", LOST)
@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("MESHY", replace(PREVIEW, art_style="cel", negative_prompt="rust")),
        ("TRIPO", PREVIEW),
        ("TRIPO", GENERATE),
    ],
)
async def test_lost_task_is_found_and_adopted(name: str, order: Order, fault: Fault) -> None:
    """The provider's own list shows its content; nothing is paid again."""
    order = replace(order, pictures=(picture("blue"),) if order.pictures else ())
    async with lost(name, order, fault) as (provider, simulator, ready):
        listing = await listed(provider, simulator, ready)
        (bought,) = simulator.book(name.lower()).tasks
        verdict = reconcile(listing, set(), simulator.clock.now())
        assert verdict == Adopt(Task(ready.step.resource, bought.id))
        assert isinstance(await provider.look(verdict.task), Working)


async def test_lost_picture_of_meshy_is_not_guessed_at() -> None:
    """Its list shows no image: a task of that kind may be anybody's."""
    order = replace(GENERATE, pictures=(picture("blue"),))
    async with lost("MESHY", order, Fault.ANSWER_DROPPED) as (provider, simulator, ready):
        listing = await listed(provider, simulator, ready)
        gave_up = listing.read_at - timedelta(seconds=61)
        assert isinstance(reconcile(listing, set(), gave_up), Unclear)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("fault", [Fault.ANSWER_5XX])
async def test_request_that_was_never_accepted_is_absent(name: str, fault: Fault) -> None:
    """After a minute the whole list proves it."""
    async with lost(name, PREVIEW, fault) as (provider, simulator, ready):
        listing = await listed(provider, simulator, ready)
        assert not simulator.book(name.lower()).tasks
        assert isinstance(reconcile(listing, set(), listing.read_at), NotYet)
        gave_up = listing.read_at - timedelta(seconds=61)
        assert isinstance(reconcile(listing, set(), gave_up), Absent)


@pytest.mark.parametrize("name", NAMES)
async def test_list_that_lags_proves_nothing_yet(name: str) -> None:
    """A task that the list does not show yet is not absent."""
    async with lost(name, PREVIEW, Fault.ANSWER_DROPPED) as (provider, simulator, ready):
        simulator.script(Rule(fault=Fault.LIST_LAGS, operation="list", options={"seconds": 30}))
        listing = await listed(provider, simulator, ready)
        assert not listing.sightings
        assert isinstance(reconcile(listing, set(), listing.read_at), NotYet)
        simulator.clock.advance(40)
        later = await provider.search(ready.step, simulator.clock.now() - timedelta(seconds=45))
        assert isinstance(later, Listing)
        assert isinstance(reconcile(later, set(), listing.read_at), Adopt)


async def test_cancel_has_three_outcomes() -> None:
    """Withdrawn and paid back, refused while it runs, too late."""
    async with provided("MESHY") as (provider, simulator):
        _, task = await accepted(provider, PREVIEW)
        assert await provider.cancel(task) == Withdrawn()
        assert simulator.book("meshy").credits_spent == 0
        _, task = await accepted(provider, PREVIEW)
        simulator.clock.advance(30)
        assert await provider.look(task) != Working(0, 0)
        assert isinstance(await provider.cancel(task), NotStopped)
        simulator.settle(task.id, "succeeded")
        assert isinstance(await provider.cancel(task), NotStopped)
        assert isinstance(await provider.look(task), Succeeded)


async def test_cancel_that_is_refused() -> None:
    """It began to run at that very moment."""
    async with provided("MESHY") as (provider, simulator):
        _, task = await accepted(provider, PREVIEW)
        simulator.script(Rule(fault=Fault.CANCEL_REFUSED))
        outcome = await provider.cancel(task)
        assert isinstance(outcome, NotStopped)
        assert outcome.failure is not None


async def test_cancel_whose_answer_is_lost() -> None:
    """Another look shows that the task is gone."""
    async with provided("MESHY") as (provider, simulator):
        _, task = await accepted(provider, PREVIEW)
        simulator.script(Rule(fault=Fault.ANSWER_DROPPED, operation="cancel"))
        assert await provider.cancel(task) == Withdrawn()


@pytest.mark.parametrize(("name", "seconds"), [("MESHY", 3600.0), ("TRIPO", 600.0)])
async def test_look_gives_fresh_links(name: str, seconds: float) -> None:
    """What a link of the first look was good for, a link of a later one still is."""
    async with provided(name) as (provider, simulator):
        _, task = await accepted(provider, PREVIEW)
        simulator.settle(task.id, "succeeded")
        simulator.clock.advance(seconds)
        state = await provider.look(task)
        assert isinstance(state, Succeeded)
        async with httpx.AsyncClient(timeout=60) as downloads:  # the model is made only now
            fetched = await downloads.get(state.output.links[0].url)
        assert fetched.content[:4] == b"glTF"


@pytest.mark.parametrize("name", NAMES)
async def test_finished_task_vanishes_after_its_days(name: str) -> None:
    """A task that is gone ends its watch; at Tripo nobody says when that is."""
    async with provided(name) as (provider, simulator):
        _, task = await accepted(provider, PREVIEW)
        simulator.settle(task.id, "succeeded")
        simulator.clock.advance(4 * 86_400)
        state = await provider.look(task)
        assert isinstance(state, Succeeded) == (name == "TRIPO")


@pytest.mark.parametrize("name", NAMES)
async def test_webhooks_are_understood(name: str) -> None:
    """What the provider delivers is genuine, names the task, and what is forged is told."""
    secret = "whsec_of_the_dashboard"
    arrived: asyncio.Queue[Request] = asyncio.Queue()

    async def receive(request: Request, wire: Wire) -> None:
        await wire.answer(200)
        await arrived.put(request)

    async with provided(name) as (provider, simulator), raw_provider(receive) as receiver:
        side = simulator.meshy if name == "MESHY" else simulator.tripo
        side.webhooks.register(f"{receiver.url}/hook", secret)
        _, task = await accepted(provider, PREVIEW)
        simulator.settle(task.id, "succeeded")
        genuine = await arrived.get()
        verdict = provider.verify(genuine.headers, genuine.body, Secrets(clear=(secret,)))
        assert verdict == Hint(task.id)
        verdict = provider.verify(genuine.headers, genuine.body, Secrets(clear=("other",)))
        assert isinstance(verdict, Forged)


async def test_stream_tells_the_end_at_once() -> None:
    """No poll comes in between: the clock stands still and polling takes minutes."""
    async with Simulator(seed=1, speed=0, texture_size=64) as simulator:
        meshy = simulator.meshy
        provider = open_provider("MESHY", meshy.key, address=meshy.url)
        _, task = await accepted(provider, PREVIEW)
        async with aclosing(provider.watch(task)) as states:
            assert isinstance(await anext(states), Working)
            simulator.settle(task.id, "succeeded")
            assert [type(state) async for state in states][-1] is Succeeded
        gets = [each for each in simulator.book("meshy").requests if each.method == "GET"]
        await provider.close()
        assert len(gets) == 1


@pytest.mark.parametrize("name", NAMES)
async def test_no_connection_is_left_open(name: str) -> None:
    """After close the provider's side sees none."""
    async with Simulator(seed=1, speed=0, texture_size=64) as simulator:
        side = simulator.meshy if name == "MESHY" else simulator.tripo
        provider = open_provider(name, side.key, address=side.url, patience=HASTE)
        _, task = await accepted(provider, PREVIEW)
        async with aclosing(provider.watch(task)) as states:
            await anext(states)
            assert simulator.book(name.lower()).open_connections > 0
        await provider.close()
        while simulator.book(name.lower()).open_connections:
            await asyncio.sleep(0.01)
