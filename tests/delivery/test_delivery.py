"""From a finished task to files in Storage, rows that name them, and credits that are settled."""

import asyncio
import hashlib
from datetime import datetime
from typing import Any

import pytest

import worker.glb
from tests.delivery.house import House
from tests.support import jobs
from tests.support.daemon import the_end, until
from tests.support.jobs import Row, rich_user
from tests.support.storage_server import Answer, Cut, Delay
from worker.pipeline import progress
from worker.pipeline.delivery import keeping
from worker.simulator import Fault, Rule

pytestmark = pytest.mark.newest_postgres

LAMP: Row = {"prompt": "a lamp", "refine": False}
TEXTURED: Row = {"prompt": "a lamp", "refine": {"enable_pbr": True}}
KATANA: Row = {
    "prompt": "cyberpunk katana",
    "refine": {"enable_pbr": True},
    "remesh": {"enabled": True, "target_polycount": 1000, "target_formats": ["fbx", "obj"]},
}
FORMATS: Row = {**LAMP, "remesh": {"enabled": True, "target_formats": ["fbx", "obj"]}}
DAMAGE = [
    Fault.DOWNLOAD_TRUNCATED,
    Fault.DOWNLOAD_ERROR_PAGE,
    Fault.URL_EXPIRED,
    Fault.ANSWER_5XX,
    Fault.ANSWER_DROPPED,
    Fault.CONNECTION_REFUSED_OR_RESET,
]


def download_fault(fault: Fault, times: int | None = 1) -> Rule:
    return Rule(fault=fault, provider="meshy", operation="download", times=times)


async def test_everything_is_kept(house: House) -> None:
    """The small model, the original, further formats, maps and thumbnail: as their rows say."""
    user = rich_user(house.db)
    job = await house.deliver(user, KATANA)
    assert job["status"] == "SUCCEEDED", job["error_message"]
    house.judge_rows()
    files = {(file["role"], file["format"]): file for file in house.files(job["id"])}
    assert {("model", "glb"), ("original", "glb"), ("model", "fbx"), ("model", "obj")} <= set(files)
    for file in files.values():
        data = house.objects()[file["path"]]
        assert hashlib.sha256(data).hexdigest() == file["sha256"]
        assert file["sha256"][:16] in file["path"]
    model = files["model", "glb"]
    assert worker.glb.check(house.objects()[model["path"]]).triangles == model["triangles"]
    assert model["bytes"] < files["original", "glb"]["bytes"]
    assert files["thumbnail", "png"]["width"] > 0


async def test_the_client_is_told_what_it_needs(house: House) -> None:
    """result_payload: files, sizes before and after, triangles, seconds; and nothing of ours."""
    job = await house.deliver(rich_user(house.db), LAMP)
    result = job["result_payload"]
    assert set(result) == {
        *("files", "bytes_before", "bytes_after", "triangles", "seconds", "provider_credits"),
    }
    assert result["bytes_after"] <= result["bytes_before"]
    assert set(result["files"][0]) == {"role", "format", "bucket", "path", "bytes"}
    asset = house.asset(job["asset_id"])
    model = next(file for file in house.files(job["id"]) if file["role"] == "model")
    assert asset["mesh_url"].endswith(f"/object/authenticated/assets/{model['path']}")
    assert (asset["is_public"], asset["source_job_id"]) == (False, job["id"])


@pytest.mark.parametrize("fault", DAMAGE)
async def test_a_passing_fault_is_fetched_again(house: House, fault: Fault) -> None:
    """An error page, half a file, a dead link, a cut: another fetch, and the model is whole."""
    house.simulator.script(download_fault(fault))
    job = await house.deliver(rich_user(house.db), LAMP)
    assert job["status"] == "SUCCEEDED", job["error_message"]
    house.judge_rows()


async def test_what_is_always_damaged_fails(house: House) -> None:
    """An error page each time: the job fails with a code, credits are back, nothing is stored."""
    house.simulator.script(download_fault(Fault.DOWNLOAD_ERROR_PAGE, times=None))
    user = rich_user(house.db, 100)
    job = await house.deliver(user, LAMP)
    assert (job["status"], job["error_code"]) == ("FAILED", "task_failed")
    assert jobs.account(house.db, user) == (100, 0)
    assert not house.objects()


async def test_a_file_that_is_too_large_fails(house: House) -> None:
    """The limit of the operator holds, and the job says so instead of trying for a day."""
    user = rich_user(house.db, 100)
    job = jobs.create(house.db, user, LAMP)
    async with house.working(most_bytes=1000):
        ended = await the_end(house.db, job["id"])
    assert (ended["status"], jobs.account(house.db, user)) == ("FAILED", (100, 0))


async def test_a_provider_that_names_a_private_place_gets_nothing(house: House) -> None:
    """Without leave for the simulator's host its own links are loopback: nothing is fetched.

    The delivery waits for better ones.
    """
    job = jobs.create(house.db, rich_user(house.db), LAMP)
    async with house.working(plain_http_hosts=frozenset()):
        await until(house.is_held, "a held run")
    assert not house.simulator.book("meshy").downloads
    async with house.working():
        ended = await the_end(house.db, job["id"])
    assert ended["status"] == "SUCCEEDED", ended["error_message"]


@pytest.mark.usefixtures("haste")
async def test_a_stray_refusal_of_a_look_costs_no_model(house: House) -> None:
    """A gateway's 400s about a finished task: it is asked again, and the model is there."""
    refused = Rule(Fault.INVALID, "meshy", "get", times=3)
    house.simulator.script(refused)
    job = await house.deliver(rich_user(house.db), LAMP)
    assert job["status"] == "SUCCEEDED", job["error_message"]
    house.judge_rows()


@pytest.mark.parametrize(
    "fault",
    [Answer(500), Answer(503), Cut.BEFORE, Cut.MIDWAY, Cut.AFTER, Answer(409, "Duplicate")],
    ids=str,
)
async def test_a_passing_fault_of_the_storage(house: House, fault: Any) -> None:
    """Whatever an upload meets, each object lies there once, and its row says what it is."""
    house.storage.script("upload", fault)
    job = await house.deliver(rich_user(house.db), LAMP)
    assert job["status"] == "SUCCEEDED", job["error_message"]
    house.judge_rows()


STRAY = [
    Answer(status, message="<html>an incident page</html>", wrapped=False)
    for status in (400, 401, 403, 404)
]
TOO_LARGE = Answer(413, "Payload too large", "The object exceeded the maximum allowed size")


async def formats_with_one_refused(
    house: House, monkeypatch: pytest.MonkeyPatch, refusal: Answer
) -> tuple[list[str], Row]:
    """Which formats were stored when the second upload, one further format, is refused once."""
    monkeypatch.setattr(keeping, "AT_ONCE", 1)
    monkeypatch.setattr(keeping, "REFUSED", 0.3)
    house.storage.script("upload", None, refusal)
    job = await house.deliver(rich_user(house.db), FORMATS)
    assert job["status"] == "SUCCEEDED", job["error_message"]
    house.judge_rows()
    stored = [file["format"] for file in house.files(job["id"]) if file["role"] == "model"]
    query = "select payload from public.ai_job_events where job_id = %s order by id desc limit 1"
    return sorted(stored), house.db.admin.values(query, job["id"])[0]


@pytest.mark.usefixtures("haste")
@pytest.mark.parametrize("stray", STRAY, ids=lambda answer: str(answer.status))
async def test_a_stray_refusal_of_the_storage_costs_no_format(
    house: House, monkeypatch: pytest.MonkeyPatch, stray: Answer
) -> None:
    """A gateway's page about one upload: what was paid for is stored a little later."""
    stored, told = await formats_with_one_refused(house, monkeypatch, stray)
    assert stored == ["fbx", "glb", "mtl", "obj"]
    assert "left_out" not in told


@pytest.mark.usefixtures("haste")
@pytest.mark.parametrize("refusal", [TOO_LARGE, Answer(415, "invalid_mime_type", "not supported")])
async def test_a_file_that_the_bucket_does_not_take_is_left_out(
    house: House, monkeypatch: pytest.MonkeyPatch, refusal: Answer
) -> None:
    """No later try would end otherwise: the model does not wait for it, and an event says so."""
    stored, told = await formats_with_one_refused(house, monkeypatch, refusal)
    assert stored == ["fbx", "glb", "mtl"]
    assert len(told["left_out"]) == 1


@pytest.mark.usefixtures("haste")
async def test_a_refused_format_does_not_take_the_model_along(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Shortly before the deadline would fail the job, what the storage takes is delivered."""
    house.set("delivery_deadline_minutes", "20")
    stored, told = await formats_with_one_refused(house, monkeypatch, STRAY[0])
    assert stored == ["fbx", "glb", "mtl"]
    assert len(told["left_out"]) == 1


async def test_a_full_storage_fails_nothing(house: House) -> None:
    """402: deliveries pause and say so; when there is room again the job succeeds."""
    house.storage.script("upload", *[Answer(402, "quota exceeded", "over quota")] * 40)
    user = rich_user(house.db, 100)
    job = jobs.create(house.db, user, LAMP)
    async with house.working() as daemon:
        await until(house.is_paused, "a pause")
        assert jobs.job(house.db, job["id"])["status"] == "IN_PROGRESS"
        house.storage.faults.clear()
        await until(house.is_held, "the held run")
        await daemon.engine.resume_deliveries()
        ended = await the_end(house.db, job["id"])
    assert ended["status"] == "SUCCEEDED"
    house.judge_rows()


async def test_nothing_is_stored_where_nothing_is_wanted(house: House) -> None:
    """store_assets false: the owner gets the provider's links and when they die; no object."""
    user = rich_user(house.db)
    job = await house.deliver(user, {**LAMP, "store_assets": False})
    assert job["status"] == "SUCCEEDED", job["error_message"]
    links = job["result_payload"]["files"]
    assert all(link["url"].startswith("http") for link in links)
    made = house.simulator.book("meshy").tasks[0].finished_at
    assert made is not None
    dies = {datetime.fromisoformat(link["expires_at"]) for link in links}
    assert [round((each - made).total_seconds() / 86_400) for each in dies] == [3]
    assert not house.objects()
    assert not house.files(job["id"])
    assert house.asset(job["asset_id"])["mesh_url"] is None


async def test_no_original_is_kept_where_none_is_wanted(house: House) -> None:
    """keep_original_days 0: the storage pays for the small model alone."""
    house.set("keep_original_days", "0")
    job = await house.deliver(rich_user(house.db), TEXTURED)
    assert "original" not in {file["role"] for file in house.files(job["id"])}
    house.judge_rows()


async def test_a_preset_of_the_operator(house: House) -> None:
    """optimise_preset safe: no extension that a viewer must know."""
    house.set("optimise_preset", "safe")
    job = await house.deliver(rich_user(house.db), TEXTURED)
    model = next(f for f in house.files(job["id"]) if (f["role"], f["format"]) == ("model", "glb"))
    assert b"KHR_draco_mesh_compression" not in house.objects()[model["path"]]


async def test_a_cancel_ends_a_delivery_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its notification does, with no roll call to come: nobody waits for an upload any more."""
    monkeypatch.setattr(progress, "ROLL_CALL_EVERY", 3600.0)
    house.storage.script("upload", *[Delay(60.0)] * 8)
    user = rich_user(house.db, 100)
    job = jobs.create(house.db, user, LAMP)
    async with house.working() as daemon:
        await until(lambda: "upload" in house.storage.faults.seen, "the first upload")
        async with asyncio.timeout(30):
            jobs.cancel(house.db, user, job["id"])
            await until(lambda: not len(daemon.deliveries), "the delivery's end")
    assert jobs.account(house.db, user) == (100, 0)
