"""What becomes of objects: published, taken back, removed. Nothing is ever overwritten."""

import asyncio

import pytest

from tests.delivery.house import House
from tests.support import jobs
from tests.support.daemon import the_end, until
from tests.support.jobs import Row, rich_user
from tests.support.storage_server import Answer, Delay
from worker.pipeline import objects
from worker.pipeline.delivery import keeping

pytestmark = pytest.mark.newest_postgres

LAMP: Row = {"prompt": "a lamp", "refine": False}


async def test_a_canceled_job_leaves_nothing(house: House) -> None:
    """Canceled while its files are stored: no row, and after upkeep no object; credits are back."""
    user = rich_user(house.db, 100)
    house.storage.script("upload", *[Delay(1.0)] * 8)
    job = jobs.create(house.db, user, LAMP)
    async with house.working() as daemon:
        await until(lambda: "upload" in house.storage.faults.seen, "the first upload")
        jobs.cancel(house.db, user, job["id"])
        assert jobs.account(house.db, user) == (100, 0)
        await until(lambda: not len(daemon.deliveries), "the delivery's end")
        await daemon.engine.purge()
        await until(lambda: removals(house), "what is to be removed")
        await house.remove_all(daemon)
        await house.until_stored()
    assert not house.files(job["id"])
    assert jobs.account(house.db, user) == (100, 0)


def removals(house: House) -> int:
    return int(house.db.admin.value("select count(*) from meshqueue.removals"))


async def test_publishing_and_taking_back(house: House) -> None:
    """Public: copies that anybody can read, URLs that lead there. Private again: no copy left."""
    user = rich_user(house.db)
    job = jobs.create(house.db, user, LAMP)
    async with house.working() as daemon:
        ended = await the_end(house.db, job["id"])
        wish(house, user, "publish_template", ended["asset_id"])
        asset = await until(lambda: shown(house, ended, public=True), "the public asset")
        assert "/object/public/templates/" in asset["mesh_url"]
        assert set(house.objects("templates")) == {
            file["path"] for file in house.files(job["id"]) if file["role"] != "original"
        }
        wish(house, user, "unpublish_template", ended["asset_id"])
        asset = await until(lambda: shown(house, ended, public=False), "the private asset")
        assert "/object/authenticated/assets/" in asset["mesh_url"]
        await house.remove_all(daemon)
    assert not house.objects("templates")
    house.judge_rows()


def wish(house: House, user: object, name: str, asset_id: object) -> None:
    with house.db.user(user) as session:  # type: ignore[arg-type]
        session.execute(f"select * from public.{name}(%s)", asset_id)


def shown(house: House, job: Row, *, public: bool) -> Row | None:
    asset = house.asset(job["asset_id"])
    return asset if asset["is_public"] is public else None


async def test_copies_that_take_too_long_are_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody copies into the public bucket longer than what is taken back waits to be removed."""
    monkeypatch.setattr(objects, "COPIED_IN_TIME", 0.5)
    user = rich_user(house.db)
    job = jobs.create(house.db, user, LAMP)
    async with house.working():
        ended = await the_end(house.db, job["id"])
        house.storage.script("copy", Delay(2.0))
        wish(house, user, "publish_template", ended["asset_id"])
        await until(lambda: "copy" in house.storage.faults.seen, "the first copy")
        wish(house, user, "unpublish_template", ended["asset_id"])
    assert house.storage.faults.seen.count("copy") == 1
    assert not house.asset(ended["asset_id"])["is_public"]


async def test_public_from_the_start(house: House) -> None:
    """`public` in a request publishes at delivery."""
    user = rich_user(house.db)
    job = jobs.create(house.db, user, {**LAMP, "public": True})
    async with house.working():
        ended = await the_end(house.db, job["id"])
        await until(lambda: shown(house, ended, public=True), "the public asset")
    house.judge_rows()


async def test_a_deleted_asset_takes_its_objects_along(house: House) -> None:
    """delete_asset: the rows go at once, the objects follow."""
    user = rich_user(house.db)
    job = jobs.create(house.db, user, LAMP)
    async with house.working() as daemon:
        ended = await the_end(house.db, job["id"])
        assert house.objects()
        wish(house, user, "delete_asset", ended["asset_id"])
        await house.remove_all(daemon)
        await house.until_stored()


async def test_two_jobs_of_one_group_share_nothing_they_lose(house: House) -> None:
    """Equal files of one group lie under one key: deleting one asset leaves the other's."""
    user = rich_user(house.db)
    async with house.working() as daemon:
        made = [jobs.create(house.db, user, LAMP, client_task_id="lamps") for _ in range(2)]
        ended = await asyncio.gather(*(the_end(house.db, job["id"]) for job in made))
        assert [job["status"] for job in ended] == ["SUCCEEDED", "SUCCEEDED"]
        wish(house, user, "delete_asset", ended[0]["asset_id"])
        await house.remove_all(daemon)
    house.judge_rows()
    assert house.files(ended[1]["id"])


async def test_what_is_just_stored_again_is_not_removed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A deleted asset's objects come due while another delivery finds them there: they stay."""
    monkeypatch.setattr(keeping, "AT_ONCE", 1)
    user = rich_user(house.db)
    async with house.working() as daemon:
        job = jobs.create(house.db, user, LAMP, client_task_id="lamps")
        ended = await the_end(house.db, job["id"])
        wish(house, user, "delete_asset", ended["asset_id"])
        house.storage.faults.clear()
        house.storage.script("create", Delay(2.0))  # of the original, which comes after the model
        again = jobs.create(house.db, user, LAMP, client_task_id="lamps")
        seen = house.storage.faults.seen
        await until(lambda: "create" in seen, "the upload after the model's")
        house.hurry_removals()
        await daemon.objects.remove_due()
        assert not house.files(again["id"])
        assert "remove" not in seen
        await the_end(house.db, again["id"])
        assert not removals(house)
    house.judge_rows()
    assert len(house.files(again["id"])) == len(ended["result_payload"]["files"])


async def test_a_path_is_free_once_its_object_has_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a client lists it anew just as its removal is told: it is told again."""
    monkeypatch.setattr(objects, "TOLD_AGAIN_AFTER", 0.1)
    user, client = rich_user(house.db), house.db.postgres()
    async with house.working() as daemon:
        job = jobs.create(house.db, user, LAMP)
        ended = await the_end(house.db, job["id"])
        wish(house, user, "delete_asset", ended["asset_id"])
        house.storage.faults.clear()
        house.storage.script("remove", Delay(1.0))
        house.hurry_removals()
        removing = asyncio.create_task(daemon.objects.remove_due())
        await until(lambda: "remove" in house.storage.faults.seen, "the removal")
        with client.connection.transaction():
            client.execute(
                "select meshqueue.list_removal(bucket, path, now()) from meshqueue.removals"
            )
            await until(lambda: is_empty(house), "the empty bucket")
            await asyncio.sleep(0.3)
        await removing
        await until(lambda: not claims(house), "nothing that bars a path")


async def test_a_removal_that_may_still_be_under_way_keeps_its_claims(house: House) -> None:
    """A storage that gave no answer may delete yet: nobody may store anything there meanwhile."""
    user = rich_user(house.db)
    async with house.working() as daemon:
        ended = await the_end(house.db, jobs.create(house.db, user, LAMP)["id"])
        wish(house, user, "delete_asset", ended["asset_id"])
        house.storage.script("remove", *[Answer(503)] * 20)
        house.hurry_removals()
        await daemon.objects.remove_due()
        assert claims(house) == removals(house) > 0
        house.storage.faults.clear()
        house.db.admin.execute("update meshqueue.removals set claimed_until = now()")
        await daemon.objects.remove_due()
        assert not removals(house)
        assert is_empty(house)


def is_empty(house: House) -> bool:
    try:
        return not house.objects()
    except FileNotFoundError:  # one of them goes while we look
        return False


def claims(house: House) -> int:
    return int(house.db.admin.value("select count(claimed_by) from meshqueue.removals"))
