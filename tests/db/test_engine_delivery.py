"""Delivery: files, asset, job and ledger change together, or not at all."""

from uuid import UUID

import psycopg
import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker, model_file
from tests.support.jobs import Row, new_worker, rich_user
from tests.support.objects import removable

FENCED = {"outcome": "fenced"}


def delivering(db: Database, worker: Worker, request: Row | None = None) -> Answer:
    job = jobs.create(db, rich_user(db), request or jobs.PREVIEW_ONLY)
    worker.work(job["id"], "PREVIEW")
    return worker.begin_delivery(job["id"])


def files_of(db: Database, run: Answer) -> list[Row]:
    query = "select * from public.asset_files where job_id = %s order by role"
    return db.admin.rows(query, run["job_id"])


def removals(db: Database) -> list[str]:
    return db.admin.values("select path from meshqueue.removals order by path")


def untouched(db: Database, run: Answer) -> bool:
    """The delivery is still to be made, and nothing of it shows."""
    job = jobs.job(db, run["job_id"])
    return job["status"] == "IN_PROGRESS" and not files_of(db, run) and not removals(db)


def test_everything_changes_together(db: Database) -> None:
    """One call writes the files, points the asset to them, ends the job and settles it."""
    worker = new_worker(db)
    run = delivering(db, worker)
    image = model_file(run, role="thumbnail", format="png", path=f"{run['user_id']}/t.png")
    urls = {"mesh_url": "https://x/model.glb", "thumbnail_url": "https://x/t.png"}
    assert worker.finish_delivery(run, [model_file(run), image], urls=urls) == {"outcome": "ok"}
    job = jobs.job(db, run["job_id"])
    asset = db.admin.row("select * from public.assets where id = %s", job["asset_id"])
    assert (asset["mesh_url"], asset["thumbnail_url"]) == tuple(urls.values())
    assert (asset["source_job_id"], job["status"]) == (job["id"], "SUCCEEDED")
    stored = [(file["role"], file["asset_id"], file["bytes"]) for file in files_of(db, run)]
    assert stored == [("model", asset["id"], 1000), ("thumbnail", asset["id"], 1000)]
    assert jobs.ledger(db, job["id"])[-1] == ("settle", -10, -10)


def test_an_asset_keeps_what_a_delivery_does_not_bring(db: Database) -> None:
    """An url that the delivery does not name stays as it was."""
    worker = new_worker(db)
    run = delivering(db, worker)
    db.admin.execute("update public.assets set texture_url = 'https://x/old.png'")
    worker.finish_delivery(run, urls={"mesh_url": "https://x/model.glb"})
    row = db.admin.row("select mesh_url, texture_url from public.assets")
    assert tuple(row.values()) == ("https://x/model.glb", "https://x/old.png")


def test_a_job_without_an_asset_still_has_its_files(db: Database) -> None:
    """With create_asset false the files belong to the job alone."""
    worker = new_worker(db)
    run = delivering(db, worker, {**jobs.PREVIEW_ONLY, "create_asset": False})
    worker.finish_delivery(run)
    assert [file["asset_id"] for file in files_of(db, run)] == [None]


@pytest.mark.parametrize(
    "change",
    [
        {"path": "11111111-1111-1111-1111-111111111111/model.glb"},
        {"path": "model.glb"},
        {"path": None},
        {"bucket": None},
    ],
)
def test_a_foreign_place_is_refused(db: Database, change: Row) -> None:
    """No file may lie outside its user's own folder, or in no bucket."""
    worker = new_worker(db)
    run = delivering(db, worker)
    with pytest.raises(psycopg.errors.CheckViolation):
        worker.finish_delivery(run, [model_file(run), model_file(run, **change)])
    assert untouched(db, run)


@pytest.mark.parametrize(
    "change", [{"bytes": -1}, {"sha256": "abc"}, {"role": "statue"}, {"format": None}]
)
def test_a_wrong_file_undoes_the_whole_delivery(db: Database, change: Row) -> None:
    """A file's row that can't be written leaves no other row behind either."""
    worker = new_worker(db)
    run = delivering(db, worker)
    with pytest.raises(psycopg.errors.IntegrityError):
        worker.finish_delivery(run, [model_file(run), model_file(run, position=1, **change)])
    assert untouched(db, run)


def test_a_canceled_delivery_leaves_no_rows(db: Database) -> None:
    """When the cancel came first, what was uploaded is listed for removal and nobody sees it."""
    worker = new_worker(db)
    run = delivering(db, worker)
    jobs.set_status(db, run["job_id"], "CANCELED")
    assert worker.finish_delivery(run) == FENCED
    assert files_of(db, run) == []
    assert removals(db) == [model_file(run)["path"]]
    assert jobs.ledger(db, UUID(run["job_id"]))[-1] == ("release", 0, -10)


def test_the_delivery_of_a_deleted_user_is_removed(db: Database) -> None:
    """What was uploaded for somebody who is gone is listed for removal."""
    worker = new_worker(db)
    run = delivering(db, worker)
    db.admin.execute("delete from auth.users where id = %s", run["user_id"])
    assert worker.finish_delivery(run) == FENCED
    assert removals(db) == [model_file(run)["path"]]


def test_a_repeated_finish_changes_nothing(db: Database) -> None:
    """The second finish is fenced: it neither charges again nor removes what is in use."""
    worker = new_worker(db)
    run = delivering(db, worker)
    worker.finish_delivery(run)
    before = jobs.job(db, run["job_id"])
    assert worker.finish_delivery(run) == FENCED
    assert jobs.job(db, run["job_id"]) == before
    assert len(files_of(db, run)) == 1
    assert removals(db) == []
    assert jobs.account(db, before["user_id"]) == (9_990, 0)


def test_files_of_another_delivery_are_not_removed(db: Database) -> None:
    """A canceled job that made the same object does not take it from the job that uses it."""
    worker, user = new_worker(db), rich_user(db)
    first = jobs.create(db, user, jobs.PREVIEW_ONLY, client_task_id="part")
    second = jobs.create(db, user, jobs.PREVIEW_ONLY, client_task_id="part")
    for job in (first, second):
        worker.work(job["id"], "PREVIEW")
    done, late = worker.begin_delivery(first["id"]), worker.begin_delivery(second["id"])
    worker.finish_delivery(done, [model_file(done)])
    jobs.cancel(db, user, second["id"])
    worker.finish_delivery(late, [model_file(done)])
    assert removals(db) == []


def test_an_object_that_is_used_again_is_no_longer_to_be_removed(db: Database) -> None:
    """What a delivery uses is not handed out for removal, though it was listed before."""
    worker = new_worker(db)
    run = delivering(db, worker)
    path = model_file(run)["path"]
    db.admin.execute("insert into meshqueue.removals (bucket, path) values ('assets', %s)", path)
    assert removable(db) == [f"assets {path}"]
    worker.finish_delivery(run)
    assert worker.claim_removals() == []
    assert removals(db) == []
