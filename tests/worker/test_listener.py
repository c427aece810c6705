"""The one connection that hears NOTIFY."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.database import Database
from tests.support.proxy import proxy_to
from worker.database import listener as module
from worker.database.listener import Listener

CHANNEL = "meshqueue"


@asynccontextmanager
async def listening(url: str) -> AsyncIterator[tuple[Listener, "asyncio.Queue[str]"]]:
    heard: asyncio.Queue[str] = asyncio.Queue()

    async def note(channel: str, payload: str) -> None:
        assert channel == CHANNEL
        heard.put_nowait(payload)

    listener = Listener(url, [CHANNEL])
    listener.hear(CHANNEL, note)
    task = asyncio.create_task(listener.run())
    try:
        await listener.listening.wait()
        yield listener, heard
    finally:
        task.cancel()
        await asyncio.wait({task})


def notify(db: Database, text: str) -> None:
    db.admin.execute("select pg_notify(%s, %s)", CHANNEL, text)


async def test_what_is_notified_is_heard(db: Database) -> None:
    """A payload reaches who asked for its channel."""
    async with listening(db.url()) as (listener, heard):
        notify(db, "hello")
        assert await heard.get() == "hello"
        assert listener.silent_for() < 60


async def test_a_faulty_ear_keeps_no_other_from_hearing(db: Database) -> None:
    """Who raises while it is told hears the next all the same, and so do the others."""
    async with listening(db.url()) as (listener, heard):
        told: asyncio.Queue[str] = asyncio.Queue()

        async def stumble(channel: str, payload: str) -> None:
            told.put_nowait(f"{channel} {payload}")
            raise RuntimeError(payload)

        stop = listener.hear(CHANNEL, stumble)
        notify(db, "one")
        notify(db, "two")
        assert [await heard.get(), await heard.get()] == ["one", "two"]
        assert told.qsize() == 2
        stop()
        notify(db, "three")
        assert await heard.get() == "three"
        assert told.qsize() == 2


async def test_a_cut_connection_is_made_anew(db: Database) -> None:
    """After a restart or a cut, LISTEN comes back, and whoever missed something is told."""
    async with proxy_to(db.url()) as proxy, listening(proxy.url) as (listener, heard):
        back = asyncio.Event()
        listener.on_return(back.set)
        proxy.cut()
        await back.wait()
        notify(db, "still here")
        assert await heard.get() == "still here"


async def test_a_network_that_swallows_everything_is_noticed(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that is open and dead is given up after a probe without an answer."""
    monkeypatch.setattr(module, "PROBE_EVERY", 0.1)
    monkeypatch.setattr(module, "PROBE_TIMEOUT", 0.3)
    async with proxy_to(db.url()) as proxy, listening(proxy.url) as (listener, heard):
        back = asyncio.Event()
        listener.on_return(back.set)
        proxy.blackhole()
        await back.wait()
        notify(db, "through a new one")
        assert await heard.get() == "through a new one"


async def test_an_outage_ends_nothing(db: Database) -> None:
    """While nobody answers, it goes on trying; silence is measured."""
    async with proxy_to(db.url()) as proxy, listening(proxy.url) as (listener, heard):
        proxy.go_down()
        while listener.listening.is_set():
            await asyncio.sleep(0)
        proxy.come_back()
        await listener.listening.wait()
        notify(db, "after the outage")
        assert await heard.get() == "after the outage"


def test_silence_before_the_first_connection_is_endless() -> None:
    """Nobody takes a listener that never listened for a healthy one."""
    assert Listener("postgresql://nobody", []).silent_for() == float("inf")
