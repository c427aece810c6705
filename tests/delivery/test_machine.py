"""What a worker's own machine does to a delivery: no room, no memory, processes that die."""

import tempfile
from pathlib import Path
from signal import SIGKILL, SIGSEGV, Signals

import pytest

from tests.delivery.house import House
from tests.optimising.deadly import deadly
from tests.support import jobs
from tests.support.daemon import the_end, until
from tests.support.jobs import Row, rich_user
from tests.support.small_disk import pages_of, small_disk
from tests.support.storage_server import Delay
from worker.optimising import process
from worker.pipeline import hands
from worker.pipeline.delivery import keeping

pytestmark = [pytest.mark.newest_postgres, pytest.mark.usefixtures("haste")]

LAMP: Row = {"prompt": "a lamp", "refine": False}
TEXTURED: Row = {"prompt": "a lamp", "refine": {"enable_pbr": True}}
ROOMY = 20_000  # pages
OURS = process.COMMAND


def held_for(house: House) -> list[str]:
    return house.db.admin.values("select held_for from meshqueue.runs where state = 'held'")


def last_event(house: House, job: Row) -> Row:
    query = "select * from public.ai_job_events where job_id = %s order by id desc limit 1"
    return house.db.admin.row(query, job["id"])


def work_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(folder))


# processes --------------------------------------------------------------------------------


@pytest.mark.parametrize(("by", "code"), [(SIGSEGV, "crashed"), (SIGKILL, "killed")])
async def test_an_optimiser_that_dies_costs_no_model(
    house: House, monkeypatch: pytest.MonkeyPatch, by: Signals, code: str
) -> None:
    """Its check was good: the original is delivered, and an event says why."""
    monkeypatch.setattr(process, "COMMAND", deadly("working", by))
    job = await house.deliver(rich_user(house.db), TEXTURED)
    assert job["status"] == "SUCCEEDED", job["error_message"]
    files = {(file["role"], file["format"]): file for file in house.files(job["id"])}
    assert ("original", "glb") not in files
    model = files["model", "glb"]
    assert job["result_payload"]["bytes_before"] == model["bytes"]
    assert model["triangles"] == job["result_payload"]["triangles"] > 0
    assert last_event(house, job)["payload"]["not_optimised"]["code"] == code


async def test_a_check_that_is_killed_costs_no_model(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows for whose memory: the delivery waits, and ends well when there is room again."""
    monkeypatch.setattr(process, "COMMAND", deadly("looking", SIGKILL))
    job = jobs.create(house.db, rich_user(house.db), LAMP)
    async with house.working():
        await until(lambda: held_for(house) == ["machine"], "a held run")
        assert not house.objects()
        monkeypatch.setattr(process, "COMMAND", OURS)
        ended = await the_end(house.db, job["id"])
    judge(house, ended)


async def test_what_kills_whoever_looks_at_it_is_not_stored(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never was checked: fetched afresh, then the job fails with a code; credits are back."""
    monkeypatch.setattr(process, "COMMAND", deadly("looking"))
    user = rich_user(house.db, 100)
    job = await house.deliver(user, LAMP)
    assert (job["status"], job["error_code"]) == ("FAILED", "task_failed")
    assert job["error_message"] == "The model came damaged and was not stored. Please try again."
    assert jobs.account(house.db, user) == (100, 0)
    assert not house.objects()
    fetched = [each for each in house.simulator.book("meshy").downloads if "glb" in str(each)]
    assert len(fetched) == 3


@pytest.mark.parametrize("missing", ["no process can be started", "no memory for its start"])
async def test_a_machine_that_can_not_look_waits(
    house: House, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """No file is to blame: nothing is stored unseen, nothing fails, and mended it goes on."""
    if missing == "no process can be started":
        monkeypatch.setattr(process, "COMMAND", (str(house.folder / "not there"),))
    job = jobs.create(house.db, rich_user(house.db), LAMP)
    memory = 1 << 20 if missing == "no memory for its start" else 1 << 30
    async with house.working(optimiser_memory=memory):
        await until(lambda: held_for(house) == ["machine"], "a held run")
    assert not house.objects()
    monkeypatch.undo()
    async with house.working():
        ended = await the_end(house.db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]


# the disk ---------------------------------------------------------------------------------


async def test_a_disk_that_fails_costs_no_job(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No place for temporary files: the delivery waits; mended, it goes on."""
    work_in(house.folder / "not there", monkeypatch)
    job = jobs.create(house.db, rich_user(house.db), LAMP)
    async with house.working():
        await until(lambda: held_for(house) == ["machine"], "a held run")
        (house.folder / "not there").mkdir()
        ended = await the_end(house.db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]


async def test_a_full_disk_costs_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """ENOSPC while files are fetched: the delivery waits, and leaves none out once there is room.

    At the end nothing of it lies there.
    """
    with small_disk(house.folder / "disk", pages=1) as disk:
        work_in(disk.path, monkeypatch)
        job = jobs.create(house.db, rich_user(house.db), TEXTURED)
        async with house.working():
            await until(lambda: held_for(house) == ["machine"], "a held run")
            disk.hold(ROOMY)
            ended = await the_end(house.db, job["id"])
        assert list(disk.path.iterdir()) == []
    judge(house, ended)


async def test_a_disk_that_is_full_for_the_result_costs_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENOSPC in the optimiser's process: the delivery waits for the small model, too."""
    probe = await house.deliver(rich_user(house.db), LAMP)
    fetched = [
        f["bytes"] for f in house.files(probe["id"]) if f["role"] in ("original", "thumbnail")
    ]
    just_enough = sum(map(pages_of, fetched))
    with small_disk(house.folder / "disk", just_enough) as disk:
        work_in(disk.path, monkeypatch)
        job = jobs.create(house.db, rich_user(house.db), LAMP)
        async with house.working():
            await until(lambda: held_for(house) == ["machine"], "a held run")
            disk.hold(ROOMY)
            ended = await the_end(house.db, job["id"])
    judge(house, ended)
    assert "not_optimised" not in last_event(house, ended)["payload"]


def judge(house: House, job: Row) -> None:
    assert job["status"] == "SUCCEEDED", job["error_message"]
    house.judge_rows()
    assert "left_out" not in last_event(house, job)["payload"]
    assert {"model", "original", "thumbnail"} <= {file["role"] for file in house.files(job["id"])}


async def test_files_that_vanish_under_an_upload(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever cleaned up here hits one of several uploads: it is no fault of the worker's own."""
    monkeypatch.setattr(hands, "AFTER_A_FAULT", 3600.0)  # where the unexpected would end
    monkeypatch.setattr(keeping, "AT_ONCE", 1)
    home = house.folder / "home"
    home.mkdir()
    work_in(home, monkeypatch)
    house.storage.script("upload", Delay(1.0))
    job = jobs.create(house.db, rich_user(house.db), LAMP)
    async with house.working():
        await until(lambda: "upload" in house.storage.faults.seen, "the first upload")
        for file in home.glob("*/0/*"):
            file.unlink()
        ended = await the_end(house.db, job["id"])
    judge(house, ended)
