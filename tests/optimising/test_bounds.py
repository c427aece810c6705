"""What a process may take of the machine, and what it knows of the world."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.optimising import models
from tests.optimising.children import children, fields, stopped_child
from worker.optimising import Optimised, Optimisers
from worker.optimising import optimisers as optimisers_module
from worker.optimising.environment import ALGEBRA, MEMORY, environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

SECRETS = ("DATABASE_URL", "SUPABASE_SERVICE_ROLE_KEY", "MESHY_API_KEY", "TRIPO_API_KEY")


async def test_a_process_is_bounded_and_knows_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What parses foreign bytes has little to take and nothing to tell."""
    for name in SECRETS:
        monkeypatch.setenv(name, "the-secret")
    source = models.put(tmp_path, models.large())
    monkeypatch.setattr(optimisers_module, "NICENESS", 17)
    optimisers = Optimisers(1, memory_bytes=777 << 20)
    task = asyncio.create_task(optimisers.optimise(source, tmp_path / "target.glb", "web"))
    proc = Path(f"/proc/{await stopped_child()}")
    environ, limits = (proc / "environ").read_bytes(), limits_of(proc)
    assert b"the-secret" not in environ
    assert limits["Max data size"] == str(777 << 20)
    assert limits["Max core file size"] == "0"
    assert limits["Max open files"] == "64"
    assert limits["Max cpu time"].isdecimal()
    assert os.getpriority(os.PRIO_PROCESS, int(proc.name)) >= 17
    assert (proc / "oom_score_adj").read_text().strip() == "1000"
    await optimisers.close()
    await asyncio.wait([task])


def limits_of(proc: Path) -> dict[str, str]:
    """Name to soft limit."""
    lines = (proc / "limits").read_text().splitlines()[1:]
    return {line[:26].strip(): line[26:].split()[0] for line in lines}


def test_only_named_variables_reach_a_process() -> None:
    """A secret under a new name stays here as well."""
    own = {"PATH": "/bin", "LANG": "C", "SOME_NEW_KEY": "s3cret", "HTTPS_PROXY": "http://u:p@proxy"}
    given = {"PATH", "LANG", "PYTHONPATH"}
    assert environment(own).keys() == given | ALGEBRA.keys() | MEMORY.keys()


async def test_never_more_processes_than_allowed(tmp_path: Path) -> None:
    """Five models at once are worked on by two, both of them busy."""
    source = models.put(tmp_path, models.small())
    optimisers = Optimisers(2)
    tasks = [
        asyncio.create_task(optimisers.optimise(source, tmp_path / f"{number}.glb", "small"))
        for number in range(5)
    ]
    seen: set[int] = set()
    while not all(task.done() for task in tasks):
        seen.add(len(children()))
        await asyncio.sleep(0.001)
    assert max(seen) == 2
    assert all(isinstance(task.result(), Optimised) for task in tasks)


async def test_first_come_first_served(tmp_path: Path) -> None:
    """A delivery that waited longer is not overtaken."""
    source = models.put(tmp_path, models.small())
    optimisers = Optimisers(1)
    ended: list[int] = []

    async def one(number: int) -> None:
        await optimisers.optimise(source, tmp_path / f"{number}.glb", "safe")
        ended.append(number)

    await asyncio.gather(*(one(number) for number in range(4)))
    assert ended == [0, 1, 2, 3]


async def test_a_process_has_a_group_but_no_session_of_its_own(tmp_path: Path) -> None:
    """Ctrl-C in a terminal reaches only the worker, which then decides."""
    source = models.put(tmp_path, models.large())
    optimisers = Optimisers(1)
    task = asyncio.create_task(optimisers.optimise(source, tmp_path / "target.glb", "web"))
    child = await stopped_child()
    assert os.getpgid(child) == child
    assert os.getsid(child) == os.getsid(0)
    assert fields(child)["Threads"]
    os.kill(child, signal.SIGCONT)
    await optimisers.close()
    await asyncio.wait([task])
