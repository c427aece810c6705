"""Watching tasks: streams with polling underneath, and batches."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import Any

import pytest

from tests.providers.raw import RawProvider, Request, Script, Wire, raw_provider
from tests.providers.waits import MILLISECONDS
from worker.providers import open_provider, streaming
from worker.providers.client import Client
from worker.providers.failure import Kind
from worker.providers.meshy import Meshy
from worker.providers.order import Task
from worker.providers.outcome import Canceled, Failed, State, Succeeded, Unseen, Working
from worker.providers.pace import Limit
from worker.providers.patience import Patience
from worker.providers.protocol import Provider

KEY = "msy_a_key_of_some_length"
TASK = Task("text-to-3d", "task-1")
# Polling by the clock can't be what a test sees: it takes longer than the test may.
SLOW_POLLS = Patience(poll_first=600, poll_most=600, stream_silence=0.3, reconnect_first=600)
QUICK_POLLS = Patience(
    poll_first=0.02, poll_most=0.05, stream_silence=0.2, reconnect_first=600, batch=0.02
)


def shown(status: str = "IN_PROGRESS", progress: int = 10, **more: Any) -> dict[str, Any]:
    return {"id": TASK.id, "status": status, "progress": progress, **more}


WHOLE = shown(
    "SUCCEEDED", 100, model_urls={"glb": "https://a/m.glb"}, task_error=None, consumed_credits=20
)


@asynccontextmanager
async def provided(
    script: Script, patience: Patience, name: str = "MESHY"
) -> AsyncIterator[tuple[Provider, RawProvider]]:
    async with raw_provider(script) as raw:
        provider = open_provider(name, KEY, address=raw.url, patience=patience)
        try:
            yield provider, raw
        finally:
            await provider.close()


async def seen(provider: Provider, task: Task = TASK) -> list[State]:
    async with aclosing(provider.watch(task)) as states:
        return [state async for state in states]


def is_stream(request: Request) -> bool:
    return request.path.endswith("/stream")


async def test_a_stream_is_enough() -> None:
    """While it lives nothing else is asked, and only changes are told."""

    async def script(_: Request, wire: Wire) -> None:
        await wire.open_stream()
        for progress in (0, 10, 10, 10, 55):
            await wire.event(shown(progress=progress))
        await wire.event(WHOLE)
        wire.cut()

    async with provided(script, SLOW_POLLS) as (provider, raw):
        states = await seen(provider)
    assert states[-1].__class__ is Succeeded
    assert all(isinstance(state, Working) for state in states[:-1])
    assert len(raw.requests) == 1


async def test_end_of_a_stream_is_followed_by_a_look() -> None:
    """The task may have ended with the stream."""

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event(shown())
            wire.cut()
        else:
            await wire.answer(200, WHOLE)

    async with provided(script, SLOW_POLLS) as (provider, raw):
        assert isinstance((await seen(provider))[-1], Succeeded)
    assert len(raw.requests) == 2


async def test_silent_stream_is_given_up() -> None:
    """A connection that is open but says nothing looks like one that works."""

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event(shown())
            await asyncio.Event().wait()
        await wire.answer(200, WHOLE)

    async with provided(script, SLOW_POLLS) as (provider, _):
        assert isinstance((await seen(provider))[-1], Succeeded)


async def test_comments_are_no_sign_of_life() -> None:
    """Bytes without events do not keep a stream."""

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            while True:
                await wire.send(b": still here\n\n")
                await asyncio.sleep(0.02)
        await wire.answer(200, WHOLE)

    async with provided(script, SLOW_POLLS) as (provider, _):
        assert isinstance((await seen(provider))[-1], Succeeded)


async def test_error_in_a_stream_decides_nothing() -> None:
    """After its 200 it may say 404: the task itself is asked."""

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event({"status_code": 404, "message": "Task not found"}, event="error")
            wire.cut()
        else:
            await wire.answer(200, WHOLE)

    async with provided(script, SLOW_POLLS) as (provider, _):
        assert isinstance((await seen(provider))[-1], Succeeded)


async def test_without_a_stream_it_is_polled() -> None:
    """Polling goes on underneath until the end, and says when it can't see."""
    polls = iter([(200, shown(progress=1)), (503, {}), (200, shown(progress=1)), (200, WHOLE)])

    async def script(request: Request, wire: Wire) -> None:
        await wire.answer(*((503, {}) if is_stream(request) else next(polls)))

    async with provided(script, QUICK_POLLS) as (provider, _):
        states = await seen(provider)
    assert [type(state) for state in states] == [Working, Unseen, Working, Succeeded]


async def test_thin_last_frame_is_followed_by_a_look() -> None:
    """A success without its files is not the whole object."""

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event(shown("SUCCEEDED", 100))
            await asyncio.Event().wait()
        await wire.answer(200, WHOLE)

    async with provided(script, SLOW_POLLS) as (provider, _):
        (state,) = await seen(provider)
    assert isinstance(state, Succeeded)
    assert state.output.links


async def test_stream_that_breaks_again_and_again_is_opened_ever_more_slowly() -> None:
    """A provider that cuts streams is not stormed."""
    loop = asyncio.get_running_loop()
    opened: list[float] = []

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            opened.append(loop.time())
            wire.cut()
        else:
            await wire.answer(200, WHOLE if len(opened) == 4 else shown())

    began = loop.time()
    patience = Patience(poll_first=600, poll_most=600, reconnect_first=0.04)
    async with provided(script, patience) as (provider, _):
        assert isinstance((await seen(provider))[-1], Succeeded)
    assert round(opened[-1] - began, 2) >= 0.14  # at least half of 0.04, 0.08 and 0.16


async def test_nudge_asks_at_once() -> None:
    """A hint is followed by a look, while the stream goes on."""

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event(shown())
            await asyncio.Event().wait()
        await wire.answer(200, WHOLE)

    patience = Patience(poll_first=600, stream_silence=600)
    async with provided(script, patience) as (provider, raw):
        async with aclosing(provider.watch(TASK)) as states:
            assert await anext(states) == Working(10)
            assert provider.nudge(TASK.id)
            assert isinstance(await anext(states), Succeeded)
        assert not provider.nudge(TASK.id)
    assert len(raw.requests) == 2


async def test_hints_ask_no_more_than_so_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the first is followed by a look at once; whoever sends more is not obeyed."""
    monkeypatch.setattr(streaming, "HURRIES", Limit(3, 600))
    looks, ending = count(1), asyncio.Event()

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event(shown())
            await ending.wait()
            await wire.event(WHOLE)
        else:
            await wire.answer(200, shown(progress=10 + next(looks)))

    patience = Patience(poll_first=600, stream_silence=600)
    async with (
        provided(script, patience) as (provider, _),
        aclosing(provider.watch(TASK)) as states,
    ):
        assert await anext(states) == Working(10)
        for progress in (11, 12, 13):
            provider.nudge(TASK.id)
            assert await anext(states) == Working(progress)
        provider.nudge(TASK.id)
        ending.set()
        assert isinstance(await anext(states), Succeeded)
    assert next(looks) == 4


async def test_hints_keep_no_task_from_being_polled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that breaks while a hint waits for its turn is followed by polls all the same."""
    monkeypatch.setattr(streaming, "HURRIES", Limit(1, 600))
    looks, breaking = count(1), asyncio.Event()

    async def script(request: Request, wire: Wire) -> None:
        if is_stream(request):
            await wire.open_stream()
            await wire.event(shown())
            await breaking.wait()
            wire.cut()
        else:
            await wire.answer(200, WHOLE if next(looks) > 2 else shown(progress=11))

    patience = Patience(poll_first=0.2, poll_most=0.2, stream_silence=600, reconnect_first=600)
    async with (
        asyncio.timeout(30),
        provided(script, patience) as (provider, _),
        aclosing(provider.watch(TASK)) as states,
    ):
        assert await anext(states) == Working(10)
        provider.nudge(TASK.id)
        assert await anext(states) == Working(11)
        provider.nudge(TASK.id)
        breaking.set()
        assert isinstance(await anext(states), Succeeded)


async def test_gone_task_ends_the_watch() -> None:
    """The provider's own 404 is an end."""

    async def script(_: Request, wire: Wire) -> None:
        await wire.answer(404, {"message": "Task not found"})

    async with provided(script, SLOW_POLLS) as (provider, _):
        (state,) = await seen(provider)
    assert isinstance(state, Failed)
    assert state.failure.kind is Kind.NOT_FOUND


async def test_leaving_closes_the_connection() -> None:
    """A watch that is left holds nothing."""
    left = asyncio.Event()

    async def script(_: Request, wire: Wire) -> None:
        await wire.open_stream()
        await wire.event(shown())
        try:
            while True:
                await wire.send(b": \n")
                await asyncio.sleep(0.01)
        finally:
            left.set()

    async with provided(script, SLOW_POLLS) as (provider, _):
        async with aclosing(provider.watch(TASK)) as states:
            await anext(states)
        await left.wait()


async def test_cancelled_watcher_closes_the_connection() -> None:
    """Being cancelled in the middle is leaving, too."""
    told = asyncio.Event()

    async def script(_: Request, wire: Wire) -> None:
        await wire.open_stream()
        await wire.event(shown())
        told.set()
        await asyncio.Event().wait()

    async with provided(script, Patience()) as (provider, raw):
        watching = asyncio.create_task(seen(provider))
        await told.wait()
        watching.cancel()
        await asyncio.wait({watching})
        assert watching.cancelled()
        assert not provider.nudge(TASK.id)
        assert raw.connections == 1


async def test_closing_the_provider_ends_its_watches() -> None:
    """Without a terminal state: none was seen."""

    async def script(_: Request, wire: Wire) -> None:
        await wire.open_stream()
        await wire.event(shown())
        await asyncio.Event().wait()

    async with (
        provided(script, Patience()) as (provider, _),
        aclosing(provider.watch(TASK)) as states,
    ):
        assert isinstance(await anext(states), Working)
        await provider.close()
        assert [state async for state in states] == []


def batch_answer(request: Request, statuses: dict[str, str]) -> dict[str, Any]:
    ids = request.json()["task_ids"]
    tasks = {
        name: {
            "task_id": name,
            "status": statuses.get(name, "running"),
            "progress": 1,
            "output": {},
        }
        for name in ids
        if name in statuses
    }
    return {"code": 0, "data": {"tasks": tasks, "missed": [n for n in ids if n not in statuses]}}


async def test_batch_asks_for_all_in_one() -> None:
    """250 tasks are three requests a round, and none by itself."""
    statuses = {f"task-{n}": "running" for n in range(250)}

    async def script(request: Request, wire: Wire) -> None:
        if len(raw.requests) > 6:
            statuses.update(dict.fromkeys(statuses, "success"))
        await wire.answer(200, batch_answer(request, statuses))

    patience = Patience(batch=0.2)
    async with provided(script, patience, "TRIPO") as (provider, raw):
        watched = (seen(provider, Task("convert", name)) for name in statuses)
        ended = await asyncio.gather(*watched)
    assert all(isinstance(states[-1], Succeeded) for states in ended)
    sizes = [len(request.json()["task_ids"]) for request in raw.requests]
    assert {request.path for request in raw.requests} == {"/v3/tasks/list"}
    assert sorted(sizes[:3]) == [50, 100, 100]


async def test_task_that_a_batch_leaves_out_is_asked_by_itself() -> None:
    """Only the answer about the task alone ends it."""

    async def script(request: Request, wire: Wire) -> None:
        if request.method == "POST":
            await wire.answer(200, batch_answer(request, {}))
        else:
            await wire.answer(404, {"code": 2001, "message": "Task not found"})

    async with provided(script, QUICK_POLLS, "TRIPO") as (provider, raw):
        (state,) = await seen(provider)
    assert isinstance(state, Failed)
    assert raw.paths("GET") == ["/v3/tasks/task-1"]


async def test_batch_that_fails_is_unseen_and_goes_on() -> None:
    """One bad round is not the end."""
    statuses_of_http = iter([503])
    statuses = {TASK.id: "running"}

    async def script(request: Request, wire: Wire) -> None:
        if len(raw.requests) > 2:
            statuses[TASK.id] = "cancelled"
        await wire.answer(next(statuses_of_http, 200), batch_answer(request, statuses))

    async with provided(script, QUICK_POLLS, "TRIPO") as (provider, raw):
        states = await seen(provider)
    assert [type(state) for state in states] == [Unseen, Working, Canceled]


async def test_nobody_watches_nobody_asks() -> None:
    """With the last watch the rounds end, and begin again with the next."""
    statuses = {TASK.id: "success"}

    async def script(request: Request, wire: Wire) -> None:
        await wire.answer(200, batch_answer(request, statuses))

    async with provided(script, QUICK_POLLS, "TRIPO") as (provider, raw):
        for rounds in (1, 2):
            assert isinstance((await seen(provider))[-1], Succeeded)
            assert len(raw.requests) == rounds


async def test_watches_that_come_and_go_keep_the_interval() -> None:
    """One request an interval, also when the last watch ends and another begins."""
    loop = asyncio.get_running_loop()
    asked: list[float] = []

    async def script(request: Request, wire: Wire) -> None:
        asked.append(loop.time())
        await wire.answer(200, batch_answer(request, {TASK.id: "success"}))

    async with provided(script, Patience(batch=0.1), "TRIPO") as (provider, _):
        began = loop.time()
        for _ in range(4):
            await seen(provider)
    assert len(asked) == 4
    assert round(asked[-1] - began, MILLISECONDS) >= 0.3


class Unstreamed(Meshy):
    """A provider that has neither streams nor batches."""

    def stream(self, task: Task) -> None:  # noqa: ARG002  # it has none
        return None


async def test_provider_without_streams_is_polled() -> None:
    """At once, and then at intervals: a third provider need not have more."""
    answers = iter([shown(progress=1), shown(progress=2), WHOLE])

    async def script(_: Request, wire: Wire) -> None:
        await wire.answer(200, next(answers))

    async with raw_provider(script) as raw:
        provider = Client(Unstreamed(), KEY, address=raw.url, patience=QUICK_POLLS)
        states = await seen(provider)
        await provider.close()
    assert [type(state) for state in states] == [Working, Working, Succeeded]
    assert len(raw.requests) == 3
