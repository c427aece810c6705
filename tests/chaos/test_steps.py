"""At every step of a job: its user cancels it, its worker is stopped, Postgres goes away."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any, get_args

import pytest

from tests.chaos.steps import Steps, count_runs, count_tasks
from tests.chaos.world import Name, World, world
from tests.chaos.worlds import LONG, survive_all
from tests.support.proxy import Proxy, proxy_to
from tests.support.servers import Postgres
from worker.daemon.daemon import Daemon
from worker.ending import end_tasks

pytestmark = [
    pytest.mark.newest_postgres,
    pytest.mark.timeout(3600 if LONG else 300),
    pytest.mark.usefixtures("haste"),
]

FEW = 4  # of the steps, in a short run
OUTAGE = 0.7  # s

Life = Callable[[World, int], Awaitable[int]]
Act = Callable[[Daemon], None]


class Everywhere:
    """Lives a life once undisturbed to count its steps, then once for each of them."""

    def __init__(self, server: Postgres, template: str, folder: Path) -> None:
        self._place = (server, template, folder)

    async def live(self, name: Name, life: Life) -> None:
        steps = await self._live_once(name, life, 0)
        assert steps > 50
        stride = 1 if LONG else steps // FEW
        await survive_all(partial(self._live_again, name, life), range(1, steps, stride))

    async def _live_once(self, name: Name, life: Life, at: int) -> int:
        count_tasks()
        with world(*self._place, name) as here:
            steps = await life(here, at)
            here.judge()
            return steps

    async def _live_again(self, name: Name, life: Life, at: int) -> None:
        await self._live_once(name, life, at)


@pytest.fixture
def everywhere(server: Postgres, template: str, tmp_path: Path) -> Everywhere:
    return Everywhere(server, template, tmp_path)


@pytest.mark.parametrize("name", get_args(Name))
async def test_a_cancel_at_any_step(everywhere: Everywhere, name: Name) -> None:
    """Refunded once, nothing delivered afterwards, the slot freed only when the task has ended."""

    async def life(here: World, at: int) -> int:
        canceled: list[bool] = []
        steps = await lived(here, at, lambda _: canceled.append(here.cancel()))
        if canceled == [True]:
            assert here.row["status"] == "CANCELED"
            assert here.files() == []
        return steps

    await everywhere.live(name, life)


@pytest.mark.parametrize("name", get_args(Name))
async def test_a_stop_at_any_step(everywhere: Everywhere, name: Name) -> None:
    """SIGTERM: what is paid for is written down, everything is handed over, the job ends well."""

    async def life(here: World, at: int) -> int:
        steps = await stopped(here, at) if at else await lived(here, at)
        assert here.row["status"] == "SUCCEEDED", here.row["error_code"]
        return steps

    await everywhere.live(name, life)


@pytest.mark.parametrize("name", get_args(Name))
@pytest.mark.parametrize("how", ["cut", "go_down"])
async def test_an_outage_at_any_step(everywhere: Everywhere, name: Name, how: str) -> None:
    """Postgres goes and comes back: no id of a paid task is lost, and no job."""

    async def life(here: World, at: int) -> int:
        async with proxy_to(here.db.url()) as proxy:
            steps = await lived(here, at, lambda _: fail(proxy, how), database_url=proxy.url)
        assert here.row["status"] == "SUCCEEDED", here.row["error_code"]
        assert here.holders() == 1
        return steps

    await everywhere.live(name, life)


async def lived(here: World, at: int, act: Act = Daemon.stop, **changes: Any) -> int:
    """With one worker to the job's end; answers with its steps."""
    steps = Steps()
    async with here.worker(partial(counted, steps, at, act), **changes):
        await here.end()
    return steps.taken


async def stopped(here: World, at: int) -> int:
    steps, asked = Steps(), asyncio.Event()

    def stop(daemon: Daemon) -> None:
        daemon.stop()
        asked.set()

    async with here.worker(partial(counted, steps, at, stop)):
        await first_of(asked.wait(), here.end())  # it may take fewer steps than the last time
    async with here.worker():
        await here.end()
    return steps.taken


async def first_of(*things: Coroutine[Any, Any, Any]) -> None:
    tasks = [asyncio.create_task(thing) for thing in things]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    await end_tasks(tasks)


def counted(steps: Steps, at: int, act: Act, daemon: Daemon) -> None:
    steps.expect(at, partial(act, daemon))
    count_runs(daemon, steps)


def fail(proxy: Proxy, how: str) -> None:
    getattr(proxy, how)()
    if how == "go_down":
        asyncio.get_running_loop().call_later(OUTAGE, proxy.come_back)
