"""The Python file in an app's hands: the real client, a real PostgREST, a real worker."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
from supabase import AsyncClient

from tests.clients.app import PNG, App, client_file
from tests.support import jobs
from tests.support.daemon import until
from tests.support.jobs import Row, rich_user

pytestmark = pytest.mark.newest_postgres

meshqueue: Any = client_file()


@pytest.fixture(autouse=True)
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same waits, only shorter."""
    for name, seconds in {"FIRST_PAUSE": 0.1, "SILENT_PAUSE": 0.4, "LIVE_PAUSE": 60}.items():
        monkeypatch.setattr(meshqueue, name, seconds)


@pytest.fixture
def user_id(app: App) -> UUID:
    return rich_user(app.house.db, 100)


@pytest.fixture
async def client(app: App, user_id: UUID) -> AsyncIterator[AsyncClient]:
    async with app.client(user_id) as client:
        yield client


def job_ids(app: App, user_id: UUID) -> list[Any]:
    return app.house.db.admin.values("select id from public.ai_jobs where user_id = %s", user_id)


async def test_from_a_prompt_to_a_model(app: App, client: AsyncClient) -> None:
    """Progress on the way, then the job, its files with links, and a GLB behind them."""
    seen: list[Row] = []
    async with app.house.working():
        job, files = await meshqueue.generate_model(
            client, "a lamp", on_progress=seen.append, refine=False, metadata={"project_id": 7}
        )
    assert (job["status"], job["metadata"]) == ("SUCCEEDED", {"project_id": 7})
    assert seen[-1]["status"] == "SUCCEEDED"
    shown = [row["progress"] for row in seen]
    assert shown == sorted(shown)
    model = next(file for file in files if (file["role"], file["format"]) == ("model", "glb"))
    data = await meshqueue.download_model(client, model)
    assert data.startswith(b"glTF")
    assert len(data) == model["bytes"]


async def test_from_pictures_to_a_model(app: App, client: AsyncClient, user_id: UUID) -> None:
    """Images are uploaded into the user's own folder, under the type that their bytes have."""
    async with app.house.working():
        job, _ = await meshqueue.generate_model(
            client, images=[PNG, {"data": PNG, "angle": "left"}], refine=False
        )
    sent = job["request_payload"]["images"]
    assert sent[1]["angle"] == "left"
    assert set(app.house.objects("inputs")) == {image["path"] for image in sent}
    assert all(image["path"].startswith(f"{user_id}/") for image in sent)


async def test_files_that_are_gone(app: App, client: AsyncClient) -> None:
    """The job's result still tells of them; none of them is offered any more."""
    async with app.house.working():
        job, files = await meshqueue.generate_model(client, "a lamp", refine=False)
    assert len(files) == len(job["result_payload"]["files"]) > 0
    await client.rpc("delete_asset", {"asset_id": job["asset_id"]}).execute()
    assert await meshqueue.signed_urls(client, job) == []


async def test_not_enough_credits(app: App) -> None:
    """A sentence with both numbers, and no picture left behind."""
    user_id = rich_user(app.house.db, 3)
    async with app.client(user_id) as client:
        with pytest.raises(
            meshqueue.JobError, match="This costs 25 credits, and you have 3"
        ) as met:
            await meshqueue.generate_model(client, images=[PNG], refine=False)
    assert (met.value.code, met.value.details) == ("PT402", {"needed": 25, "available": 3})
    assert not app.house.objects("inputs")


async def test_a_wrong_field(app: App, client: AsyncClient, user_id: UUID) -> None:
    """Details name the field; nothing is charged."""
    with pytest.raises(meshqueue.JobError) as met:
        await meshqueue.generate_model(client, "a lamp", remesh={"target_polycount": 1})
    assert (met.value.code, met.value.details) == ("PT400", "remesh.target_polycount")
    assert met.value.hint
    assert jobs.account(app.house.db, user_id) == (100, 0)


async def test_what_is_no_image(client: AsyncClient) -> None:
    """Said before anything is uploaded."""
    with pytest.raises(meshqueue.JobError, match="PNG, JPEG or WebP"):
        await meshqueue.generate_model(client, images=[b"GIF89a"])


async def test_nobody_is_signed_in(app: App) -> None:
    """A sentence to show, before anything is sent."""
    async with app.client() as client:
        with pytest.raises(meshqueue.JobError, match="sign in"):
            await meshqueue.generate_model(client, images=[PNG])
        with pytest.raises(meshqueue.JobError, match="sign in"):
            await meshqueue.generate_model(client, "a lamp")


async def test_a_lost_answer_charges_once(app: App, client: AsyncClient, user_id: UUID) -> None:
    """The create is carried out and its answer cut, twice: one job, reserved once."""
    app.front.cut_after("/rpc/create_ai_job_with_credits", times=2)
    task = asyncio.create_task(meshqueue.generate_model(client, "a lamp", refine=False))
    await until(lambda: app.front.count("/rpc/create_ai_job_with_credits") == 3, "the third try")
    async with app.house.working():
        job, _ = await task
    assert [str(each) for each in job_ids(app, user_id)] == [job["id"]]
    assert jobs.account(app.house.db, user_id) == (100 - job["credits_cost"], 0)


async def test_a_lost_answer_to_an_upload(app: App, client: AsyncClient) -> None:
    """The image lies there from the first time: that is a success."""
    app.front.cut_after(".png")
    async with app.house.working():
        job, _ = await meshqueue.generate_model(client, images=[PNG], refine=False)
    (image,) = job["request_payload"]["images"]
    assert list(app.house.objects("inputs")) == [image["path"]]


async def test_cancel(app: App, client: AsyncClient, user_id: UUID) -> None:
    """Whoever waits is told so, and the credits are back."""
    seen: list[Row] = []
    task = asyncio.create_task(meshqueue.generate_model(client, "a lamp", on_progress=seen.append))
    await until(lambda: seen, "the job")
    assert (await meshqueue.cancel_job(client, seen[0]["id"]))["status"] == "CANCELED"
    with pytest.raises(meshqueue.JobError, match="canceled") as met:
        await task
    assert met.value.job["id"] == seen[0]["id"]
    assert jobs.account(app.house.db, user_id) == (100, 0)


async def test_no_such_job(client: AsyncClient, app: App) -> None:
    """Another user's job is none."""
    theirs = jobs.create(app.house.db, rich_user(app.house.db))
    with pytest.raises(meshqueue.JobError) as met:
        await meshqueue.watch_job(client, theirs["id"])
    assert met.value.code == "PT404"


async def test_without_realtime_looks_tell(app: App, client: AsyncClient) -> None:
    """Where no connection is to be had, the end is still learnt."""
    app.front.realtime.up = False
    async with app.house.working():
        job, _ = await meshqueue.generate_model(client, "a lamp", refine=False)
    assert job["status"] == "SUCCEEDED"
    assert app.front.realtime.joins == 0


def wait_for_news(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look only after news: the next one of its own accord is a minute away."""
    for name in ("FIRST_PAUSE", "SILENT_PAUSE", "LIVE_PAUSE"):
        monkeypatch.setattr(meshqueue, name, 60)


async def watching(client: AsyncClient, app: App, user_id: UUID) -> tuple[Row, Any, list[Row]]:
    """A job that nobody works on, and somebody who watches it, tuned in."""
    job = jobs.create(app.house.db, user_id)
    seen: list[Row] = []
    joins = app.front.realtime.joins
    task = asyncio.create_task(meshqueue.watch_job(client, job["id"], seen.append))
    await until(lambda: app.front.realtime.joins > joins, "a join")
    return job, task, seen


async def test_a_message_tells_at_once(
    app: App, client: AsyncClient, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the next look a minute away, only Realtime can have told of the end."""
    wait_for_news(monkeypatch)
    job, task, _ = await watching(client, app, user_id)
    jobs.cancel(app.house.db, user_id, job["id"])
    async with asyncio.timeout(30):
        assert (await task)["status"] == "CANCELED"
    assert app.front.realtime.refused == 0


async def test_a_lost_message_loses_no_end(app: App, client: AsyncClient, user_id: UUID) -> None:
    """Joined, and deaf: the next look tells."""
    app.front.realtime.mute = True
    job, task, _ = await watching(client, app, user_id)
    jobs.cancel(app.house.db, user_id, job["id"])
    async with asyncio.timeout(30):
        assert (await task)["status"] == "CANCELED"
    assert app.front.realtime.told == 0


@pytest.mark.filterwarnings("ignore:ConnectionClosed:DeprecationWarning")  # the client's own
async def test_a_new_connection_looks_again(
    app: App, client: AsyncClient, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What happened while the connection was away is seen when it is back."""
    wait_for_news(monkeypatch)
    job, task, _ = await watching(client, app, user_id)
    looks = app.front.count("/ai_jobs")
    app.front.realtime.up = False
    app.front.realtime.hang_up()
    await until(lambda: app.front.count("/ai_jobs") > looks, "the look after the loss")
    jobs.cancel(app.house.db, user_id, job["id"])
    app.front.realtime.up = True
    async with asyncio.timeout(30):
        assert (await task)["status"] == "CANCELED"


async def test_two_jobs_share_a_channel(
    app: App, client: AsyncClient, user_id: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two watchers, one join; the second still hears when the first has left."""
    wait_for_news(monkeypatch)
    one, first, _ = await watching(client, app, user_id)
    other, seen = jobs.create(app.house.db, user_id), list[Row]()
    second = asyncio.create_task(meshqueue.watch_job(client, other["id"], seen.append))
    await until(lambda: seen, "the second watcher")
    jobs.cancel(app.house.db, user_id, one["id"])
    assert (await first)["id"] == str(one["id"])
    jobs.cancel(app.house.db, user_id, other["id"])
    async with asyncio.timeout(30):
        assert (await second)["id"] == str(other["id"])
    assert app.front.realtime.joins == 1


async def test_nothing_is_left_behind(app: App, client: AsyncClient, user_id: UUID) -> None:
    """A watcher that is canceled leaves no channel, no connection, and a job that goes on."""
    job, task, _ = await watching(client, app, user_id)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.get_channels() == []
    assert not client.realtime.is_connected
    await until(lambda: not app.front.realtime.seats, "the end of the connection")
    assert jobs.job(app.house.db, job["id"])["status"] == "QUEUED"


@pytest.mark.parametrize("path", [".png", "/rpc/create_ai_job_with_credits", "/ai_jobs"])
async def test_canceled_at_any_moment(
    app: App, client: AsyncClient, user_id: UUID, path: str
) -> None:
    """While an upload, the create or a look hangs: the task ends at once, nothing is left."""
    app.front.hold(path)
    task = asyncio.create_task(meshqueue.generate_model(client, images=[PNG]))
    await until(lambda: app.front.count(path), "the request")
    task.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert client.get_channels() == []
    assert len(job_ids(app, user_id)) == (path == "/ai_jobs")


async def test_an_apps_own_mistake_comes_back_to_it(
    app: App, client: AsyncClient, user_id: UUID
) -> None:
    """What on_progress raises ends the watch, and cleans up."""
    job = jobs.create(app.house.db, user_id)

    def mistaken(_: Row) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await meshqueue.watch_job(client, job["id"], mistaken)
    assert client.get_channels() == []
