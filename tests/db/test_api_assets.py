"""The user's 3D items: named, published and deleted by their owner, files and all."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.database import Database
from tests.support.engine import model_file
from tests.support.jobs import PREVIEW_ONLY, cancel, create, new_worker, rich_user
from tests.support.objects import removable
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

Row = dict[str, Any]

UPKEEP = """
    select task_name as task, args from procrastinate.procrastinate_jobs
    where queue_name = 'upkeep' order by id
"""
REMOVALS = "select bucket || ' ' || path from meshqueue.removals order by 1"


@pytest.fixture
def owner(db: Database) -> UUID:
    return rich_user(db, 1000)


def delivered(db: Database, owner: UUID, *files: Row, **arguments: Any) -> Row:
    """A job that ended well, with these files."""
    made = create(db, owner, PREVIEW_ONLY, **arguments)
    worker = new_worker(db)
    worker.work(made["id"], "PREVIEW")
    run = worker.begin_delivery(made["id"])
    listed = [model_file(run, **file) for file in files]
    assert worker.finish_delivery(run, listed or None) == {"outcome": "ok"}
    return made


def call(db: Database, user_id: UUID, name: str, asset_id: UUID) -> Row:
    with db.user(user_id) as user:
        return user.row(f"select * from public.{name}(%s)", asset_id)


def published(db: Database, owner: UUID) -> Row:
    """As the worker leaves it: a private model, its copy in the public bucket, the flag set."""
    made = delivered(
        db, owner, {}, {"role": "thumbnail", "bucket": "templates", "path": f"{owner}/t.png"}
    )
    db.admin.execute("update public.assets set is_public = true where id = %s", made["asset_id"])
    return made


# renaming ---------------------------------------------------------------------------------


def test_an_owner_renames(db: Database, owner: UUID) -> None:
    """Title and description are the owner's to write, and the change is dated."""
    asset_id = create(db, owner)["asset_id"]
    query = "update public.assets set title = 'New', description = 'Better' where id = %s"
    with db.user(owner) as user:
        assert user.execute(query, asset_id).rowcount == 1
    asset = db.admin.row("select * from public.assets where id = %s", asset_id)
    assert (asset["title"], asset["description"]) == ("New", "Better")
    assert asset["updated_at"] > asset["created_at"]


def test_others_rename_nothing(db: Database, owner: UUID) -> None:
    """Not even a public asset: no row is found."""
    asset_id, other = published(db, owner)["asset_id"], db.new_user()
    query = "update public.assets set title = 'Mine' where id = %s"
    with leaves_nothing(db), db.user(other) as user:
        assert user.execute(query, asset_id).rowcount == 0
    with leaves_nothing(db), refused("42501"), db.anon() as anon:
        anon.execute(query, asset_id)


@pytest.mark.parametrize(
    "column", ["is_public", "mesh_url", "user_id", "source_job_id", "id", "updated_at"]
)
def test_nothing_else_is_the_owners_to_write(db: Database, owner: UUID, column: str) -> None:
    """What the engine knows of an asset, only the engine writes."""
    create(db, owner)
    with refused("42501"), db.user(owner) as user:
        user.execute(f"update public.assets set {column} = {column} where user_id = %s", owner)
    with refused("42501"), db.user(owner) as user:
        user.execute("insert into public.assets (title) values ('by hand')")
    with refused("42501"), db.user(owner) as user:
        user.execute("delete from public.assets where user_id = %s", owner)


@pytest.mark.parametrize(("column", "most"), [("title", 200), ("description", 2000)])
def test_names_have_a_length(db: Database, owner: UUID, column: str, most: int) -> None:
    """Renaming keeps the limits of creating: PT400 with the column."""
    asset_id = create(db, owner)["asset_id"]
    query = f"update public.assets set {column} = %s where id = %s"
    with db.user(owner) as user:
        user.execute(query, "x" * most, asset_id)
    with refused("PT400") as refusal, db.user(owner) as user:
        user.execute(query, "x" * (most + 1), asset_id)
    assert refusal.detail == column


# who sees what ----------------------------------------------------------------------------


def visible(db: Database, user_id: UUID | None) -> tuple[int, list[str]]:
    """Assets and buckets of files that somebody sees."""
    request = db.user(user_id) if user_id else db.anon()
    with request as session:
        assets = session.value("select count(*) from public.assets")
        files = session.values("select bucket from public.asset_files order by 1")
    return assets, files


def test_a_private_asset_is_its_owners(db: Database, owner: UUID) -> None:
    """Nobody else sees the asset or a file of it."""
    delivered(db, owner)
    assert visible(db, owner) == (1, ["assets"])
    assert visible(db, db.new_user()) == (0, [])
    assert visible(db, None) == (0, [])


def test_a_public_asset_is_everybodys_to_see(db: Database, owner: UUID) -> None:
    """Others see it, and of its files only those in the public bucket."""
    published(db, owner)
    assert visible(db, owner) == (1, ["assets", "templates"])
    assert visible(db, db.new_user()) == (1, ["templates"])
    assert visible(db, None) == (1, ["templates"])


def test_get_asset_files(db: Database, owner: UUID) -> None:
    """The call answers with the files that the caller may read."""
    asset_id = published(db, owner)["asset_id"]
    query = "select role from public.get_asset_files(%s)"
    with db.user(owner) as user:
        assert user.values(query, asset_id) == ["model", "thumbnail"]
    with db.anon() as anon:
        assert anon.values(query, asset_id) == ["thumbnail"]
        assert anon.values(query, uuid4()) == []


def test_a_public_asset_does_not_show_its_job(db: Database, owner: UUID) -> None:
    """What was asked for, what it cost and how it went stay the owner's."""
    published(db, owner)
    with db.user(db.new_user()) as user:
        for table in ("ai_jobs", "ai_job_events", "credit_accounts", "credit_ledger"):
            rows = user.rows(f"select * from public.{table}")
            assert [row for row in rows if row.get("user_id") == owner] == []
        assert user.rows("select * from public.ai_job_events") == []


def test_files_of_a_job_without_an_asset(db: Database, owner: UUID) -> None:
    """Their owner reads them through the job."""
    delivered(db, owner, {}, create_asset=False)
    assert visible(db, owner) == (0, ["assets"])
    assert visible(db, db.new_user()) == (0, [])


# publishing -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "wanted"), [("publish_template", True), ("unpublish_template", False)]
)
def test_a_wish_is_recorded(db: Database, owner: UUID, name: str, *, wanted: bool) -> None:
    """The worker moves the objects; until then the asset stays what it was."""
    asset_id = delivered(db, owner)["asset_id"]
    assert call(db, owner, name, asset_id)["id"] == asset_id
    wish = db.admin.row("select asset_id, wanted from meshqueue.publications")
    assert wish == {"asset_id": asset_id, "wanted": wanted}
    assert db.admin.rows(UPKEEP)[-1] == {
        "task": "publish_asset",
        "args": {"asset_id": str(asset_id)},
    }
    assert db.admin.value("select is_public from public.assets") is False


def test_the_last_wish_counts(db: Database, owner: UUID) -> None:
    """Publishing and taking back leaves one wish."""
    asset_id = delivered(db, owner)["asset_id"]
    call(db, owner, "publish_template", asset_id)
    call(db, owner, "unpublish_template", asset_id)
    assert db.admin.values("select wanted from meshqueue.publications") == [False]


def test_nothing_stored_is_nothing_to_publish(db: Database, owner: UUID) -> None:
    """PT409 while no file of the asset is stored, or none ever will be; taking back is no fault."""
    made = create(db, owner, {**PREVIEW_ONLY, "store_assets": False})
    refuse_to_publish(db, owner, made["asset_id"])
    worker = new_worker(db)
    worker.work(made["id"], "PREVIEW")
    assert worker.finish_delivery(worker.begin_delivery(made["id"]), []) == {"outcome": "ok"}
    refuse_to_publish(db, owner, made["asset_id"])
    call(db, owner, "unpublish_template", made["asset_id"])


def refuse_to_publish(db: Database, owner: UUID, asset_id: UUID) -> None:
    with leaves_nothing(db), refused("PT409") as refusal:
        call(db, owner, "publish_template", asset_id)
    assert refusal.detail == str(asset_id)
    assert refusal.hint


def test_the_server_publishes_for_a_user(db: Database, owner: UUID) -> None:
    """The service role may name anybody's asset."""
    asset_id = delivered(db, owner)["asset_id"]
    with db.service() as service:
        assert service.row("select * from public.publish_template(%s)", asset_id)["id"] == asset_id


# deleting ---------------------------------------------------------------------------------


def test_deleting_an_asset(db: Database, owner: UUID) -> None:
    """Rows go at once, objects are listed, the worker is woken; the job stays as it was."""
    made = delivered(db, owner, {"path": f"{owner}/a.glb"}, {"role": "plain", "path": f"{owner}/b"})
    assert call(db, owner, "delete_asset", made["asset_id"])["id"] == made["asset_id"]
    assert visible(db, owner) == (0, [])
    assert db.admin.values(REMOVALS) == [f"assets {owner}/a.glb", f"assets {owner}/b"]
    assert db.admin.rows(UPKEEP)[-1]["task"] == "remove_objects"
    job = db.admin.row("select status, asset_id from public.ai_jobs")
    assert job == {"status": "SUCCEEDED", "asset_id": None}


def test_a_shared_object_stays(db: Database, owner: UUID) -> None:
    """An object that another file still names is not removed."""
    shared = {"path": f"{owner}/models/same.glb"}
    first, second = delivered(db, owner, shared), delivered(db, owner, shared)
    call(db, owner, "delete_asset", first["asset_id"])
    assert removable(db) == []
    call(db, owner, "delete_asset", second["asset_id"])
    assert removable(db) == [f"assets {owner}/models/same.glb"]


def test_an_object_shared_within_an_asset(db: Database, owner: UUID) -> None:
    """Two files of one asset with one object: it is listed once, when both go."""
    same = {"path": f"{owner}/same.png"}
    made = delivered(db, owner, {"role": "base_color", **same}, {"role": "emission", **same})
    call(db, owner, "delete_asset", made["asset_id"])
    assert db.admin.values(REMOVALS) == [f"assets {owner}/same.png"]


def test_an_object_delivered_again(db: Database, owner: UUID) -> None:
    """What is delivered anew at a path that was listed is not removed any more."""
    same = {"path": f"{owner}/same.glb"}
    made = delivered(db, owner, same)
    call(db, owner, "delete_asset", made["asset_id"])
    delivered(db, owner, same)
    assert removable(db) == []


def test_not_while_a_job_works_on_it(db: Database, owner: UUID) -> None:
    """PT409 with that job's id; once it is over, the asset can go."""
    made = create(db, owner)
    with leaves_nothing(db), refused("PT409") as refusal:
        call(db, owner, "delete_asset", made["asset_id"])
    assert refusal.detail == str(made["id"])
    assert refusal.hint
    cancel(db, owner, made["id"])
    assert call(db, owner, "delete_asset", made["asset_id"])["id"] == made["asset_id"]


def test_a_wish_to_publish_goes_too(db: Database, owner: UUID) -> None:
    """Nothing is published that was deleted."""
    made = delivered(db, owner)
    call(db, owner, "publish_template", made["asset_id"])
    call(db, owner, "delete_asset", made["asset_id"])
    assert db.admin.rows("select * from meshqueue.publications") == []


def test_the_server_deletes_for_a_user(db: Database, owner: UUID) -> None:
    """The service role may name anybody's asset."""
    made = delivered(db, owner)
    with db.service() as service:
        service.execute("select public.delete_asset(%s)", made["asset_id"])
    assert visible(db, owner)[0] == 0
