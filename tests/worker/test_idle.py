"""A worker that has nothing to do, or can do nothing yet."""

import asyncio
import socket
from pathlib import Path

import pytest

from tests.chaos.world import simulated
from tests.support.daemon import plan_for, until, working
from tests.support.database import Database
from worker import queue
from worker.daemon.daemon import Daemon

SILENCE = 0.3  # s, of the second between two looks


@pytest.mark.newest_postgres
async def test_it_shows_that_it_looks_for_work(
    db: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its silence ends with each look at the queue; when it drains, nobody expects any."""
    monkeypatch.setattr(queue, "POLL_EVERY", 1.0)
    with simulated(speed=1) as simulator:
        async with working(plan_for(db, simulator, tmp_path)) as worker:
            silent_for = worker.watchdog.signs["stages"]
            for _ in range(3):
                await until(lambda: silent_for() > SILENCE, "silence")
                await until(lambda: silent_for() < SILENCE, "a look")
        assert silent_for() == 0


@pytest.mark.newest_postgres
async def test_it_ends_when_asked_before_the_database_answers(db: Database, tmp_path: Path) -> None:
    """Within seconds, and with 0: a host that stops it waits for that."""
    with socket.create_server(("127.0.0.1", 0)) as mute, simulated(speed=1) as simulator:
        mute.settimeout(0)  # what sock_accept asks for
        url = f"postgresql://postgres@127.0.0.1:{mute.getsockname()[1]}/postgres"
        worker = Daemon(plan_for(db, simulator, tmp_path, database_url=url))
        running = asyncio.create_task(worker.run())
        asker, _ = await asyncio.get_running_loop().sock_accept(mute)
        worker.stop()
        assert await asyncio.wait_for(running, 20) == 0
        asker.close()
