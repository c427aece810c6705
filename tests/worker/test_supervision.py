"""What must run as long as the process does."""

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial

import pytest
from psycopg import OperationalError

from worker.daemon import supervision as module
from worker.daemon.supervision import Supervision, every
from worker.daemon.watchdog import Watchdog
from worker.ending import end_tasks
from worker.pipeline.posts import Posts

WATCHED = """
import asyncio, time
from worker.daemon.watchdog import Watchdog

heard_at = time.monotonic()

async def hear():
    global heard_at
    while True:
        await asyncio.sleep(0.3)
        heard_at = time.monotonic()

async def live():
    watchdog = Watchdog({"LISTEN": lambda: time.monotonic() - heard_at}, lambda: True, at_most=2)
    tasks = [asyncio.create_task(watchdog.beat()), asyncio.create_task(hear())]
    watchdog.start()
    before = time.monotonic()
    print("begun", flush=True)
    while (now := time.monotonic()) - before < 3:
        before = now
        await asyncio.sleep(0.01)
    print("frozen", flush=True)
    await asyncio.sleep(3)
    print("lives", flush=True)

asyncio.run(live())
"""


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)


async def test_what_ends_by_itself_is_started_again() -> None:
    """Neither a fault nor a quiet end leaves a part of the worker standing still."""
    starts: asyncio.Queue[int] = asyncio.Queue()
    supervision = Supervision()

    async def part() -> None:
        starts.put_nowait(starts.qsize())
        if starts.qsize() == 1:
            raise RuntimeError("a fault")
        if starts.qsize() > 2:
            await asyncio.Event().wait()

    supervision.keep("part", part)
    while starts.qsize() < 3:
        await asyncio.sleep(0)
    await supervision.end_all()


async def test_what_a_library_cancels_is_started_again() -> None:
    """Nobody asked for that end: it is a fault like any other."""
    starts: asyncio.Queue[None] = asyncio.Queue()
    supervision = Supervision()
    supervision.keep("part", partial(canceled_by_a_library, starts))
    async with asyncio.timeout(10):
        await several(starts)
    await supervision.end_all()


async def test_what_a_library_cancels_costs_one_turn() -> None:
    """As a fault does."""
    turns: asyncio.Queue[None] = asyncio.Queue()
    task = asyncio.create_task(every(0, "act", partial(canceled_by_a_library, turns)))
    async with asyncio.timeout(10):
        await several(turns)
    await end_tasks([task])
    assert task.cancelled()


async def canceled_by_a_library(starts: asyncio.Queue[None]) -> None:
    starts.put_nowait(None)
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    lost.cancel()
    await lost


async def several(starts: asyncio.Queue[None]) -> None:
    for _ in range(3):
        await starts.get()


async def test_a_fault_at_the_end_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """Of a part that was asked to end and could not do so well."""
    began = asyncio.Event()
    supervision = Supervision()

    async def part() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("its last words")

    supervision.keep("part", part)
    await began.wait()
    supervision.stop_restarting()
    await supervision.end("part")
    assert "ended_by_fault" in capfd.readouterr().out


@pytest.mark.parametrize(("fault", "counted"), [(RuntimeError, 1), (OperationalError, 0)])
async def test_restarts_that_an_outage_explains(fault: type[Exception], counted: int) -> None:
    """The operator is told of parts that can't stay up, not of each pause of the database."""
    supervision, began, restarted = Supervision(), asyncio.Event(), asyncio.Event()

    async def part() -> None:
        if began.is_set():
            restarted.set()
            await asyncio.Event().wait()
        began.set()
        raise RuntimeError("a library's own") from fault("the reason")

    supervision.keep("part", part)
    await restarted.wait()
    assert supervision.restarts_lately() == counted
    await supervision.end_all()


async def test_what_is_asked_to_end_ends() -> None:
    """It is waited for, and not started again."""
    began, ended = asyncio.Event(), asyncio.Event()
    supervision = Supervision()

    async def part() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    supervision.keep("part", part)
    await began.wait()
    await supervision.end("part", "unknown")
    assert ended.is_set()


async def test_a_fault_costs_one_turn() -> None:
    """What is done again and again goes on after it raised."""
    turns: asyncio.Queue[None] = asyncio.Queue()

    async def act() -> None:
        turns.put_nowait(None)
        raise RuntimeError("a fault")

    task = asyncio.create_task(every(0, "act", act))
    while turns.qsize() < 3:
        await asyncio.sleep(0)
    task.cancel()


@pytest.mark.parametrize("dead", ["event loop", "LISTEN", "database"])
async def test_the_watchdog_ends_a_dead_process(dead: str) -> None:
    """A loop that hangs, a LISTEN or a database that is gone, ends the process with code 1."""
    ended: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()
    signs = {what: silence(dead=what == dead) for what in ("LISTEN", "database")}
    watchdog = Watchdog(
        signs,
        lambda: dead != "event loop",
        lambda code: loop.call_soon_threadsafe(ended.put_nowait, code),
        at_most=0.2,
    )
    beat = asyncio.create_task(watchdog.beat()) if dead in signs else None
    watchdog.start()
    assert await ended.get() == 1
    if beat:
        beat.cancel()


def test_the_watchdog_waits_for_a_database_that_answers_nobody() -> None:
    """Ending would help nobody; and once it answers again, we get our time to come back."""
    answering: list[bool] = []
    watchdog = Watchdog({"LISTEN": silence(dead=True)}, lambda: bool(answering))
    begun = time.monotonic()

    def look(seconds: float) -> str | None:
        watchdog.note(begun + seconds)
        return watchdog.dead(begun + seconds)

    assert look(200) is None
    assert look(400) is None
    answering.append(True)
    assert look(405) is None
    assert look(584) is None
    assert look(586) == "LISTEN"


def test_the_watchdog_forgives_a_frozen_process() -> None:
    """A suspended machine wakes with everything silent: what lives gets its time to show it."""
    command = [sys.executable, "-c", WATCHED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watched:
        assert watched.stdout is not None
        watched.stdout.readline()
        watched.send_signal(signal.SIGSTOP)
        time.sleep(4)
        watched.send_signal(signal.SIGCONT)
        told = [watched.stdout.readline() for _ in range(2)]
        watched.kill()
    assert told == ["frozen\n", "lives\n"]


def silence(*, dead: bool) -> Callable[[], float]:
    return lambda: float("inf") if dead else 0.0


def test_a_part_is_dead_three_minutes_after_its_last_sign() -> None:
    """Not sooner, not later; one that was never alive, three minutes after the start."""
    silent = {"LISTEN": 0.0, "database": float("inf")}
    signs = {what: partial(silent.__getitem__, what) for what in silent}
    watchdog = Watchdog(signs, lambda: True)
    begun = time.monotonic()
    watchdog.note(begun + 100)
    silent["database"] = 0.0
    watchdog.note(begun + 170)
    assert watchdog.dead(begun + 170) is None
    silent["LISTEN"] = 179.0
    watchdog.note(begun + 349)
    assert watchdog.dead(begun + 349) is None
    silent["LISTEN"] = 181.0
    watchdog.note(begun + 351)
    assert watchdog.dead(begun + 351) == "LISTEN"


async def test_a_post_is_finished_though_nobody_waits_any_more() -> None:
    """Whoever asked for it is canceled; the request and its record are not."""
    posts, answered, recorded = Posts(), asyncio.Event(), asyncio.Event()

    async def post() -> None:
        await answered.wait()
        recorded.set()

    asker = asyncio.create_task(posts.finish(post()))
    while not len(posts):
        await asyncio.sleep(0)
    asker.cancel()
    await asyncio.wait({asker})
    assert asker.cancelled()
    finished = asyncio.create_task(posts.all_finished())
    answered.set()
    await finished
    assert recorded.is_set()
