"""Postgres restarts, really: as a hosted one does at an upgrade or a change of its size."""

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.chaos.world import simulated
from tests.support import jobs
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database, fresh_database
from tests.support.jobs import PREVIEW_ONLY, rich_user
from tests.support.servers import Postgres
from tests.support.template import ensure_template
from worker import queue
from worker.embedded import SUPERUSER, THROW_AWAY, Server, default_binaries, running
from worker.embedded.account import server_account
from worker.embedded.place import reachable_binaries

pytestmark = [pytest.mark.usefixtures("haste"), pytest.mark.timeout(300)]

NEVER = 3_600.0  # s
RECOVERED_WITHIN = 60.0  # s


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nobody else's tests run on it."""
    folder = tmp_path_factory.mktemp("own")
    folder.chmod(0o711)
    with running(folder / "postgres", options=THROW_AWAY, keep=False) as server:
        yield server


def restart(server: Server) -> None:
    account = server_account()
    programs = reachable_binaries(default_binaries(), account).folder
    options = ("restart", "-w", "-m", "fast", "-l", str(server.home / "cluster" / "server.log"))
    done = account.run(programs / "pg_ctl", "-D", server.home / "cluster", *options)
    assert done.returncode == 0, done.stdout


async def test_a_restart(
    own_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process lives on, the watched job ends, a new one is begun by NOTIFY alone."""
    monkeypatch.setattr(queue, "POLL_EVERY", NEVER)
    postgres = Postgres("own", SUPERUSER, own_server)
    with simulated(speed=1) as simulator, fresh_database(postgres, ensure_template(postgres)) as db:
        watched = jobs.create_by_server(db, rich_user(db), PREVIEW_ONLY)["id"]
        async with working(plan_for(db, simulator, tmp_path)) as daemon:
            await until(lambda: simulator.book("meshy").tasks, "the first task")
            returned = asyncio.Event()
            daemon.listener.on_return(returned.set)
            await asyncio.to_thread(restart, own_server)
            async with asyncio.timeout(RECOVERED_WITHIN):
                await returned.wait()
            # The test's own sessions went down with the server.
            with closing(Database(postgres, db.name)) as after:
                async with asyncio.timeout(RECOVERED_WITHIN):
                    new = jobs.create_by_server(after, rich_user(after), PREVIEW_ONLY)["id"]
                    await until(lambda: len(simulator.book("meshy").tasks) == 2, "a second task")
                for task in simulator.book("meshy").tasks:
                    simulator.settle(task.id, "succeeded")
                for job in (watched, new):
                    assert (await the_end(after, job))["status"] == "SUCCEEDED"
