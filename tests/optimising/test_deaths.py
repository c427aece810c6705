"""A process that dies costs one model its optimisation, and nothing else."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from tests.optimising import models
from tests.optimising.children import (
    child_of_size,
    children,
    is_buried,
    lives,
    running_child,
)
from tests.optimising.deadly import deadly
from tests.support.small_disk import small_disk
from worker.optimising import (
    Code,
    Optimised,
    Optimisers,
    OptimisersClosedError,
    Outcome,
    Sound,
    Unchecked,
    Unoptimised,
    process,
)
from worker.optimising.environment import environment

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")

MIB = 1 << 20
WHILE_IT_STARTS, WHILE_IT_WORKS = 20 * MIB, 90 * MIB
PARENT = """
import asyncio, sys
from pathlib import Path
from worker.optimising import Optimisers
folder = Path(sys.argv[1])
asyncio.run(Optimisers(1).optimise(folder / "source.glb", folder / "target.glb", "small"))
"""

TALKATIVE = """
print('{"looks": true}', '{"sound": {"triangles": 1}}', sep="\\n")
while True:
    print('{"and": "so on"}')
"""


@asynccontextmanager
async def optimising(
    folder: Path, optimisers: Optimisers, data: bytes
) -> AsyncIterator["asyncio.Task[Outcome]"]:
    """In the end there is neither a child, nor its target, nor a part of one."""
    source = models.put(folder, data)
    task = asyncio.create_task(optimisers.optimise(source, folder / "target.glb", "small"))
    yield task
    with suppress(asyncio.CancelledError, OptimisersClosedError):
        await task
    assert children() == []
    assert models.names_in(folder) == {"source.glb"}


@pytest.mark.parametrize(
    ("least", "code"), [(WHILE_IT_STARTS, Code.NOT_STARTED), (WHILE_IT_WORKS, Code.KILLED)]
)
async def test_a_killed_process_costs_one_optimisation(
    tmp_path: Path, least: int, code: Code
) -> None:
    """Whenever it is killed, the outcome says so; the next model is optimised as ever."""
    optimisers = Optimisers(1)
    async with optimising(tmp_path, optimisers, models.large()) as task:
        os.kill(await child_of_size(least), signal.SIGKILL)
        outcome = await task
    assert isinstance(outcome, Unoptimised)
    assert outcome.code is code
    source = models.put(tmp_path, models.small())
    again = await optimisers.optimise(source, tmp_path / "target.glb", "balanced")
    assert isinstance(again, Optimised)


async def test_a_segmentation_fault_is_named(tmp_path: Path) -> None:
    """The log of a job tells what ended the process, once its model had passed the checks."""
    async with optimising(tmp_path, Optimisers(1), models.large()) as task:
        os.kill(await child_of_size(WHILE_IT_WORKS), signal.SIGSEGV)
        outcome = await task
    assert isinstance(outcome, Unoptimised)
    assert outcome.code is Code.CRASHED
    assert "Segmentation fault" in outcome.why
    assert outcome.report["triangles"] == 2 * (models.ROWS_OF_LARGE - 1) ** 2


async def test_a_process_that_can_not_be_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine with no room for one more process is to blame, and no file of all that wait."""
    monkeypatch.setattr(process, "COMMAND", (str(tmp_path / "missing"),))
    async with optimising(tmp_path, Optimisers(1), models.small()) as task:
        outcome = await task
    assert outcome == Unoptimised(Code.NOT_STARTED, "the process could not be started")
    assert outcome.code.is_ours
    source = tmp_path / "source.glb"
    unchecked = Unchecked(Code.NOT_STARTED, "the process could not be started")
    assert await Optimisers(1).check([(source, "glb")] * 2) == (unchecked, unchecked)


async def test_a_process_that_ends_before_it_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was installed badly blames itself, and no model."""
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", "import there_is_no_such"))
    async with optimising(tmp_path, Optimisers(1), models.small()) as task:
        outcome = await task
    assert outcome == Unoptimised(Code.NOT_STARTED, "the process ended with code 1")


async def test_a_process_that_never_stops_talking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it said first still holds; the rest is the fault of the file, not of the machine."""
    monkeypatch.setattr(process, "COMMAND", (sys.executable, "-c", TALKATIVE))
    too_much = (Code.CRASHED, "the process said more than 64 KiB")
    async with optimising(tmp_path, Optimisers(1), models.small()) as task:
        outcome = await task
    assert outcome == Unoptimised(*too_much)
    source = tmp_path / "source.glb"
    verdicts = await Optimisers(1).check([(source, "glb")] * 2)
    assert verdicts == (Sound({"triangles": 1}), Unchecked(*too_much))


async def test_a_target_that_can_not_be_written(tmp_path: Path) -> None:
    """The reason is told: a full disk is for the operator to mend."""
    source = models.put(tmp_path, models.small())
    outcome = await Optimisers(1).optimise(source, tmp_path / "missing/target.glb", "safe")
    assert isinstance(outcome, Unoptimised)
    assert outcome.code is Code.DISK
    assert outcome.why == "the result can't be written: No such file or directory"


async def test_a_full_disk(tmp_path: Path) -> None:
    """Where the result does not fit it is this machine's fault; nothing of it is left there."""
    source = models.put(tmp_path, models.large())
    with small_disk(tmp_path / "disk", pages=8) as disk:
        outcome = await Optimisers(1).optimise(source, disk.path / "target.glb", "small")
        assert models.names_in(disk.path) == set()
    assert isinstance(outcome, Unoptimised)
    assert (outcome.code, outcome.code.is_ours) == (Code.DISK, True)
    assert outcome.why == "the result can't be written: No space left on device"


async def test_a_file_that_is_gone(tmp_path: Path) -> None:
    """Whoever cleaned up here took what was to be looked at; another fetch brings it again."""
    (verdict,) = await Optimisers(1).check([(tmp_path / "missing.glb", "glb")])
    assert verdict == Unchecked(Code.DISK, "the disk: No such file or directory")


@pytest.mark.parametrize("when", ["looking", "working"])
async def test_whether_it_died_of_the_check_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """Only a model that passed the checks may be delivered as it came."""
    monkeypatch.setattr(process, "COMMAND", deadly(when))
    async with optimising(tmp_path, Optimisers(1), models.small()) as task:
        outcome = await task
    assert isinstance(outcome, Unoptimised)
    assert (outcome.code, outcome.code.is_ours) == (Code.CRASHED, False)
    assert outcome.checked is (when == "working")


async def test_a_check_that_is_killed_blames_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Children are the first to go, whoever took the memory; those behind it are looked at."""
    monkeypatch.setattr(process, "COMMAND", deadly("looking", signal.SIGKILL))
    picture = models.put(tmp_path, models.picture("PNG"), "base.png")
    files = [(models.put(tmp_path, models.small()), "glb"), (picture, "png")]
    killed, looked_at = await Optimisers(1).check(files)
    assert isinstance(killed, Unchecked)
    assert (killed.code, killed.code.is_ours) == (Code.KILLED, True)
    assert isinstance(looked_at, Sound)


async def test_too_little_memory_for_the_mesh(tmp_path: Path) -> None:
    """A model that needs more than its process may have is delivered as it was."""
    async with optimising(tmp_path, Optimisers(1, memory_bytes=120 * MIB), models.large()) as task:
        outcome = await task
    assert isinstance(outcome, Unoptimised)
    assert outcome.code is Code.OUT_OF_MEMORY
    assert outcome.why == "it needed more than 120 MiB"
    assert outcome.checked


async def test_too_little_memory_to_start(tmp_path: Path) -> None:
    """What fails before it looks at the file says nothing of the file."""
    async with optimising(tmp_path, Optimisers(1, memory_bytes=30 * MIB), models.small()) as task:
        outcome = await task
    assert outcome == Unoptimised(Code.NOT_STARTED, "it needed more than 30 MiB")


async def test_too_little_memory_for_a_picture(tmp_path: Path) -> None:
    """A picture of 192 MiB is left alone where there are 180; the mesh is optimised still."""
    source = models.put(tmp_path, models.with_pictures(8000))
    optimisers = Optimisers(1, memory_bytes=180 * MIB)
    outcome = await optimisers.optimise(source, tmp_path / "target.glb", "web")
    assert isinstance(outcome, Optimised)
    assert any(note.startswith("image 0") for note in outcome.report["left_alone"])
    assert outcome.report["bytes_after"] < outcome.report["bytes_before"]


async def test_pictures_that_fit_one_after_the_other(tmp_path: Path) -> None:
    """Two that take too much beside each other are both made smaller nevertheless."""
    source = models.put(tmp_path, models.with_pictures(3300, 3400))
    optimisers = Optimisers(1, memory_bytes=180 * MIB)
    outcome = await optimisers.optimise(source, tmp_path / "target.glb", "web")
    assert isinstance(outcome, Optimised)
    assert not outcome.report["left_alone"]


async def test_a_process_that_hangs_is_killed_at_the_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that no longer hears signals."""
    monkeypatch.setattr(process, "COMMAND", deadly("hanging"))
    async with optimising(tmp_path, Optimisers(1, deadline=5), models.small()) as task:
        outcome = await task
    assert isinstance(outcome, Unoptimised)
    assert (outcome.code, outcome.checked) == (Code.TOO_SLOW, True)
    assert outcome.why == "it took longer than 5 s"


async def test_a_cancelled_delivery_leaves_no_process(tmp_path: Path) -> None:
    """Its child is killed and buried, and what it wrote is removed, before the cancel is over."""
    async with optimising(tmp_path, Optimisers(1), models.large()) as task:
        child = await child_of_size(WHILE_IT_WORKS)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert is_buried(child)


async def test_a_delivery_cancelled_at_its_start_leaves_no_process(tmp_path: Path) -> None:
    """At whatever step of the start the cancel comes."""
    source = models.put(tmp_path, models.small())
    for steps in range(40):
        optimisers = Optimisers(1)
        task = asyncio.create_task(optimisers.optimise(source, tmp_path / "target.glb", "safe"))
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
    assert children() == []
    assert models.names_in(tmp_path) == {"source.glb"}


async def test_closing_ends_what_runs_and_what_waits(tmp_path: Path) -> None:
    """Neither is told to deliver the original: the file has no fault, the worker stops."""
    optimisers = Optimisers(1)
    async with optimising(tmp_path, optimisers, models.large()) as running:
        await running_child()
        waiting = asyncio.create_task(
            optimisers.optimise(tmp_path / "source.glb", tmp_path / "other.glb", "safe")
        )
        await asyncio.sleep(0)
        await optimisers.close()
        assert children() == []
        for task in (running, waiting):
            with pytest.raises(OptimisersClosedError):
                await task
    with pytest.raises(OptimisersClosedError):
        await optimisers.check([(tmp_path / "source.glb", "glb")])


async def test_a_process_dies_with_its_parent(tmp_path: Path) -> None:
    """A worker that is killed leaves nobody behind who burns its processors, even a stopped one."""
    models.put(tmp_path, models.large())
    command = (sys.executable, "-c", PARENT, str(tmp_path))
    parent = await asyncio.create_subprocess_exec(*command, env=environment())
    child = await running_child(parent.pid)
    os.kill(child, signal.SIGSTOP)
    parent.kill()
    await parent.wait()
    while lives(child):
        await asyncio.sleep(0.001)
