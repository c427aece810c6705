"""Publishing: the last wish wins, and nobody is shown an address where nothing lies."""

from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker, model_file
from tests.support.jobs import Row, new_worker, rich_user
from tests.support.objects import copies, removable

PUBLISH = "select * from public.publish_template(%s)"
UNPUBLISH = "select * from public.unpublish_template(%s)"
OURS = {"mesh_url": "https://x/authenticated/model.glb"}
EVERYBODYS = {"mesh_url": "https://x/public/model.glb"}
WAKEUPS = """
    select count(*) from procrastinate.procrastinate_jobs
    where task_name = 'publish_asset' and status = 'todo'
"""


def deliver(
    db: Database, worker: Worker, user: UUID, asset_id: UUID | None = None, **changes: object
) -> Row:
    """A job whose model and original lie in the storage."""
    named = {"asset_id": asset_id} if asset_id else {}
    job = jobs.create(db, user, {**jobs.PREVIEW_ONLY, **changes}, **named)
    worker.work(job["id"], "PREVIEW")
    run = worker.begin_delivery(job["id"])
    original = model_file(run, role="original", path=f"{user}/{job['id']}.glb")
    assert worker.finish_delivery(run, [model_file(run), original], urls=OURS)["outcome"] == "ok"
    return job


def wish(db: Database, query: str, asset_id: UUID) -> None:
    with db.service() as service:
        service.execute(query, asset_id)


def begin(worker: Worker, asset_id: UUID) -> Answer:
    begun = worker.begin_publication(asset_id)
    assert begun is not None
    return begun


def finish(worker: Worker, begun: Answer) -> str:
    return worker.finish_publication(
        begun, EVERYBODYS if begun["wanted"] else OURS, begun["copies"]
    )


def fulfil(worker: Worker, asset_id: UUID) -> Answer:
    begun = begin(worker, asset_id)
    assert finish(worker, begun) == "ok"
    return begun


def shown(db: Database, asset_id: UUID) -> tuple[bool, str]:
    query = "select is_public, mesh_url from public.assets where id = %s"
    row = db.admin.row(query, asset_id)
    return row["is_public"], row["mesh_url"]


def public_paths(db: Database) -> list[str]:
    query = "select path from public.asset_files where bucket = 'templates' order by path"
    return db.admin.values(query)


def soon(db: Database) -> None:
    """The pause before the next try is over."""
    db.admin.execute("update meshqueue.publications set due_at = now() - interval '1 minute'")


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


@pytest.fixture
def asset_id(db: Database, worker: Worker) -> UUID:
    """A private asset with a model and an original."""
    asset: UUID = deliver(db, worker, rich_user(db))["asset_id"]
    return asset


def test_what_the_worker_is_told(db: Database, worker: Worker, asset_id: UUID) -> None:
    """Which files go where, without the original; the copies are known before they are made."""
    wish(db, PUBLISH, asset_id)
    begun = begin(worker, asset_id)
    place = db.admin.value("select path from public.asset_files where role = 'model'")
    assert begun == {
        "wanted": True,
        "version": 1,
        "asset": str(asset_id),
        "user_id": place.split("/")[0],
        "files": [
            {
                "bucket": "assets",
                "path": place,
                "role": "model",
                "format": "glb",
                "content_type": "model/gltf-binary",
            }
        ],
        "copies": [{"bucket": "templates", "path": place}],
    }
    assert copies(db.admin) == [f"templates {place}"]
    assert removable(db) == []
    assert shown(db, asset_id) == (False, OURS["mesh_url"])


def test_published_and_taken_back(db: Database, worker: Worker, asset_id: UUID) -> None:
    """Flag, URLs and the copies' rows change together, both ways; the copies are removed."""
    wish(db, PUBLISH, asset_id)
    path = fulfil(worker, asset_id)["copies"][0]["path"]
    assert shown(db, asset_id) == (True, EVERYBODYS["mesh_url"])
    assert (public_paths(db), copies(db.admin)) == ([path], [])
    wish(db, UNPUBLISH, asset_id)
    assert shown(db, asset_id)[0] is True
    assert fulfil(worker, asset_id)["copies"] == []
    assert shown(db, asset_id) == (False, OURS["mesh_url"])
    assert public_paths(db) == []
    assert removable(db) == [f"templates {path}"]


def test_others_read_the_copies_alone(db: Database, worker: Worker, asset_id: UUID) -> None:
    """While it is public everybody finds the copies; the private files stay their owner's."""
    wish(db, PUBLISH, asset_id)
    query = "select bucket, role from public.get_asset_files(%s)"
    begun = begin(worker, asset_id)
    with db.user(db.new_user()) as stranger:
        assert stranger.rows(query, asset_id) == []
    finish(worker, begun)
    with db.user(db.new_user()) as stranger:
        assert stranger.rows(query, asset_id) == [{"bucket": "templates", "role": "model"}]
    with db.anon() as anon:
        assert anon.rows(query, asset_id) == [{"bucket": "templates", "role": "model"}]
    with db.user(UUID(begun["user_id"])) as owner:
        assert len(owner.rows(query, asset_id)) == 3
    wish(db, UNPUBLISH, asset_id)
    fulfil(worker, asset_id)
    with db.anon() as anon:
        assert anon.rows(query, asset_id) == []


def test_nothing_to_do(db: Database, worker: Worker, asset_id: UUID) -> None:
    """Nothing was wished, it is done already, or another worker is at it."""
    assert worker.begin_publication(asset_id) is None
    wish(db, PUBLISH, asset_id)
    begun = begin(worker, asset_id)
    assert worker.begin_publication(asset_id) is None
    assert [finish(worker, begun) for _ in range(2)] == ["ok", "ok"]
    soon(db)
    assert worker.begin_publication(asset_id) is None
    assert public_paths(db) == [begun["copies"][0]["path"]]


@pytest.mark.parametrize("order", ["first to last", "last to first"])
def test_the_last_wish_wins(db: Database, worker: Worker, asset_id: UUID, order: str) -> None:
    """Publish, take back, publish: whichever worker comes last, what was wished last stands."""
    begun = []
    for query in (PUBLISH, UNPUBLISH, PUBLISH):
        wish(db, query, asset_id)
        begun.append(begin(worker, asset_id))
    late = begun if order == "first to last" else begun[::-1]
    assert sorted(finish(worker, one) for one in late) == ["ok", "outdated", "outdated"]
    assert shown(db, asset_id) == (True, EVERYBODYS["mesh_url"])
    assert removable(db) == []


def test_taken_back_while_it_is_copied(db: Database, worker: Worker, asset_id: UUID) -> None:
    """The copies of a wish that was overtaken are removed, and nothing was ever shown."""
    wish(db, PUBLISH, asset_id)
    late = begin(worker, asset_id)
    wish(db, UNPUBLISH, asset_id)
    fulfil(worker, asset_id)
    assert finish(worker, late) == "outdated"
    assert shown(db, asset_id) == (False, OURS["mesh_url"])
    assert removable(db) == [f"templates {late['copies'][0]['path']}"]


def test_a_copy_that_is_missing(db: Database, worker: Worker, asset_id: UUID) -> None:
    """An asset is not shown before all of its copies lie there."""
    wish(db, PUBLISH, asset_id)
    begun = begin(worker, asset_id)
    assert worker.finish_publication(begun, EVERYBODYS, []) == "incomplete"
    assert shown(db, asset_id) == (False, OURS["mesh_url"])
    soon(db)
    fulfil(worker, asset_id)
    assert shown(db, asset_id)[0] is True


def test_a_copy_that_is_just_being_removed(db: Database, worker: Worker, asset_id: UUID) -> None:
    """Publishing again waits a few seconds for the removal of the old copy."""
    wish(db, PUBLISH, asset_id)
    fulfil(worker, asset_id)
    wish(db, UNPUBLISH, asset_id)
    fulfil(worker, asset_id)
    db.admin.execute("update meshqueue.removals set due_at = now()")
    (claimed,) = worker.claim_removals()
    wish(db, PUBLISH, asset_id)
    before = db.admin.value(WAKEUPS)
    assert worker.begin_publication(asset_id) is None
    assert db.admin.value(WAKEUPS) == before + 1
    assert copies(db.admin) == []
    worker.removed(claimed)
    soon(db)
    fulfil(worker, asset_id)
    assert shown(db, asset_id)[0] is True


def test_who_does_not_finish_is_followed_later_and_later(
    db: Database, worker: Worker, asset_id: UUID
) -> None:
    """A wish that fails again and again is tried after 2, 4, 8 … minutes, then every hour."""
    wish(db, PUBLISH, asset_id)
    pauses = []
    for _ in range(7):
        begin(worker, asset_id)
        query = "select extract(epoch from due_at - now()) / 60 from meshqueue.publications"
        pauses.append(round(db.admin.value(query)))
        soon(db)
    assert pauses == [2, 4, 8, 16, 32, 60, 60]


def test_a_wakeup_that_was_lost(db: Database, worker: Worker, asset_id: UUID) -> None:
    """A wish that nobody works on gets a new wake-up, and only one."""
    wish(db, PUBLISH, asset_id)
    db.admin.execute("delete from procrastinate.procrastinate_jobs")
    worker.rescue()
    assert db.admin.value(WAKEUPS) == 0
    soon(db)
    for _ in range(2):
        worker.rescue()
        assert db.admin.value(WAKEUPS) == 1
    db.admin.execute("delete from procrastinate.procrastinate_jobs")
    fulfil(worker, asset_id)
    soon(db)
    worker.rescue()
    assert db.admin.value(WAKEUPS) == 0


def test_an_asset_that_is_deleted_while_it_is_copied(
    db: Database, worker: Worker, asset_id: UUID
) -> None:
    """Its copies are removed with it, those that are under way too."""
    wish(db, PUBLISH, asset_id)
    begun = begin(worker, asset_id)
    with db.service() as service:
        service.execute("select public.delete_asset(%s)", asset_id)
    assert finish(worker, begun) == "gone"
    assert worker.begin_publication(asset_id) is None
    path = begun["copies"][0]["path"]
    assert f"templates {path}" in removable(db)
    assert f"assets {path}" in removable(db)


def test_a_public_asset_that_is_deleted(db: Database, worker: Worker, asset_id: UUID) -> None:
    """The public copies go with it."""
    wish(db, PUBLISH, asset_id)
    path = fulfil(worker, asset_id)["copies"][0]["path"]
    with db.service() as service:
        service.execute("select public.delete_asset(%s)", asset_id)
    assert f"templates {path}" in removable(db)


def test_public_at_delivery(db: Database, worker: Worker) -> None:
    """A job may ask for it; the asset is private until the copies lie there."""
    asset = deliver(db, worker, rich_user(db), public=True)["asset_id"]
    assert shown(db, asset) == (False, OURS["mesh_url"])
    fulfil(worker, asset)
    assert shown(db, asset) == (True, EVERYBODYS["mesh_url"])


def test_a_delivery_to_a_public_asset(db: Database, worker: Worker) -> None:
    """Its URLs stay public, and the new files are published by a wish of their own."""
    user = rich_user(db)
    asset = deliver(db, worker, user, public=True)["asset_id"]
    fulfil(worker, asset)
    newer = deliver(db, worker, user, asset)
    assert shown(db, asset) == (True, EVERYBODYS["mesh_url"])
    begun = begin(worker, asset)
    assert (begun["version"], len(begun["files"])) == (2, 2)
    assert str(newer["id"]) in begun["files"][0]["path"]
    assert finish(worker, begun) == "ok"
    assert len(public_paths(db)) == 2


def test_a_delivery_while_it_is_published(db: Database, worker: Worker) -> None:
    """What was begun without the new files does not count; no file is forgotten."""
    user = rich_user(db)
    asset = deliver(db, worker, user, public=True)["asset_id"]
    early = begin(worker, asset)
    deliver(db, worker, user, asset)
    assert finish(worker, early) == "outdated"
    assert len(fulfil(worker, asset)["files"]) == 2


def test_a_delivery_to_a_private_asset(db: Database, worker: Worker) -> None:
    """What was taken back stays so, and what nobody wished to publish is left alone."""
    user = rich_user(db)
    asset = deliver(db, worker, user, public=True)["asset_id"]
    fulfil(worker, asset)
    wish(db, UNPUBLISH, asset)
    fulfil(worker, asset)
    deliver(db, worker, user, asset)
    assert worker.begin_publication(asset) is None
    assert shown(db, asset) == (False, OURS["mesh_url"])


def test_a_change_of_mind_fills_no_queue(db: Database, worker: Worker) -> None:
    """One wake-up that nobody has taken yet is enough; the next one comes after it was taken."""
    asset = deliver(db, worker, rich_user(db))["asset_id"]
    for _ in range(20):
        wish(db, PUBLISH, asset)
        wish(db, UNPUBLISH, asset)
    assert db.admin.value(WAKEUPS) == 1
    db.admin.execute("update procrastinate.procrastinate_jobs set status = 'doing'")
    wish(db, PUBLISH, asset)
    assert db.admin.value(WAKEUPS) == 1
    assert begin(worker, asset)["wanted"]
