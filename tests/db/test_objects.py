"""Objects in the storage: none without a row for ever, and no row without its object."""

from uuid import UUID, uuid4

import psycopg
import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker, model_file
from tests.support.jobs import new_worker, rich_user
from tests.support.objects import come_due, intents, lapse_claims, listed, removable


def delivering(db: Database, worker: Worker, user: UUID | None = None) -> Answer:
    job = jobs.create(db, user or rich_user(db), jobs.PREVIEW_ONLY, client_task_id="part")
    worker.work(job["id"], "PREVIEW")
    return worker.begin_delivery(job["id"])


def other_file(run: Answer) -> Answer:
    return model_file(run, path=f"{run['user_id']}/models/part/other.glb")


def name(file: Answer) -> str:
    return f"{file['bucket']} {file['path']}"


# intents ----------------------------------------------------------------------------------


def test_what_is_intended_is_written_down(db: Database) -> None:
    """Before its first byte an object is known, and saying it again changes nothing."""
    worker = new_worker(db)
    run = delivering(db, worker)
    for _ in range(2):
        assert worker.intend(run, model_file(run), other_file(run)) == "ok"
    assert intents(db.admin) == sorted([name(model_file(run)), name(other_file(run))])
    assert removable(db) == []


def test_a_foreign_place_is_not_intended(db: Database) -> None:
    """Nobody writes into the folder of somebody else."""
    worker = new_worker(db)
    run = delivering(db, worker)
    with pytest.raises(psycopg.errors.CheckViolation):
        worker.intend(run, model_file(run, path=f"{uuid4()}/model.glb"))


def test_a_delivery_takes_the_place_of_its_intents(db: Database) -> None:
    """What its files name stays; what only an earlier attempt meant to write is removed."""
    worker, other = new_worker(db), new_worker(db)
    first = delivering(db, worker)
    worker.intend(first, other_file(first))
    worker.release(first)
    second = other.begin_delivery(UUID(first["job_id"]))
    other.intend(second)
    assert other.finish_delivery(second) == {"outcome": "ok"}
    assert intents(db.admin) == []
    assert removable(db) == [name(other_file(first))]


@pytest.mark.parametrize("end", ["canceled", "failed", "expired", "user deleted"])
def test_a_delivery_that_ends_otherwise(db: Database, end: str) -> None:
    """Its intents become removals, but not before a late upload has had its time to land."""
    worker = new_worker(db)
    run = delivering(db, worker)
    worker.intend(run)
    end_job(db, worker, run, end)
    assert intents(db.admin) == []
    assert worker.claim_removals() == []
    wait = "select due_at - now() > interval '14 minutes' from meshqueue.removals"
    assert db.admin.values(wait) == [True]
    assert removable(db) == [name(model_file(run))]


def end_job(db: Database, worker: Worker, run: Answer, end: str) -> None:
    if end == "failed":
        worker.fail(run, "delivery_failed")
    elif end == "canceled":
        jobs.set_status(db, run["job_id"], "CANCELED")
    elif end == "expired":
        db.admin.execute("update public.ai_jobs set deadline_at = now() - interval '1 minute'")
        assert db.admin.value("select meshqueue.expire_jobs()") == 1
    else:
        db.admin.execute("delete from auth.users where id = %s", run["user_id"])


def test_a_delivery_that_waits_keeps_its_intents(db: Database) -> None:
    """Nothing is decided while a run is held, given back or handed out again."""
    worker = new_worker(db)
    run = delivering(db, worker)
    worker.intend(run)
    worker.wait(run, "fetch")
    assert intents(db.admin) == [name(model_file(run))]
    assert removable(db) == []


def test_another_deliverys_intent_protects(db: Database) -> None:
    """An object that two jobs write is kept until neither wants it."""
    worker, user = new_worker(db), rich_user(db)
    one, two = delivering(db, worker, user), delivering(db, worker, user)
    for run in (one, two):
        worker.intend(run, other_file(one))
    jobs.set_status(db, one["job_id"], "CANCELED")
    assert removable(db) == []
    jobs.set_status(db, two["job_id"], "CANCELED")
    assert removable(db) == [name(other_file(one))]


# removals ---------------------------------------------------------------------------------


def canceled(db: Database, worker: Worker, *, user: UUID | None = None) -> Answer:
    """An upload that nobody wants, due for removal."""
    run = delivering(db, worker, user)
    worker.intend(run, other_file(run))
    jobs.set_status(db, run["job_id"], "CANCELED")
    come_due(db)
    return run


def test_a_removal_is_claimed_once(db: Database) -> None:
    """Two workers never remove the same; one that does not report is followed by another."""
    worker, other = new_worker(db), new_worker(db)
    run = canceled(db, worker)
    assert [name(file) for file in worker.claim_removals()] == [name(other_file(run))]
    assert other.claim_removals() == []
    lapse_claims(db)
    assert len(other.claim_removals()) == 1
    worker.removed(other_file(run))
    assert len(listed(db.admin)) == 1
    other.removed(other_file(run))
    assert listed(db.admin) == []


def test_at_most_as_many_as_asked_for(db: Database) -> None:
    """A worker takes no more than it can do in time."""
    worker = new_worker(db)
    for _ in range(3):
        canceled(db, worker)
    assert [len(worker.claim_removals(2)) for _ in range(3)] == [2, 1, 0]


def test_what_is_being_removed_is_not_uploaded(db: Database) -> None:
    """Whoever wants the same path meanwhile is told to wait, and may once it is gone."""
    worker, user = new_worker(db), rich_user(db)
    old = canceled(db, worker, user=user)
    run = delivering(db, worker, user)
    file = other_file(old)
    worker.claim_removals()
    assert worker.intend(run, model_file(run), file) == "busy"
    assert intents(db.admin) == []
    assert worker.finish_delivery(run, [file]) == {"outcome": "busy"}
    worker.removed(file)
    assert worker.intend(run, file) == "ok"
    assert worker.finish_delivery(run, [file]) == {"outcome": "ok"}


def test_what_is_wanted_again_is_not_removed(db: Database) -> None:
    """An intent that came first takes the object off the list."""
    worker, user = new_worker(db), rich_user(db)
    old = canceled(db, worker, user=user)
    run = delivering(db, worker, user)
    assert worker.intend(run, other_file(old)) == "ok"
    assert worker.claim_removals() == []
    assert listed(db.admin) == []
    jobs.set_status(db, run["job_id"], "CANCELED")
    assert removable(db) == [name(other_file(old))]


def test_a_claim_that_lapsed_keeps_nobody_waiting(db: Database) -> None:
    """A worker that died between claim and report does not bar a path for ever."""
    worker, user = new_worker(db), rich_user(db)
    old = canceled(db, worker, user=user)
    worker.claim_removals()
    lapse_claims(db)
    run = delivering(db, worker, user)
    assert worker.intend(run, other_file(old)) == "ok"
    assert worker.claim_removals() == []


def test_a_removal_that_fails_is_tried_later_and_later(db: Database) -> None:
    """Each failure doubles the pause, up to a day, and says why."""
    worker = new_worker(db)
    run = canceled(db, worker)
    pauses = []
    for _ in range(13):
        assert len(worker.claim_removals()) == 1
        assert worker.not_removed(other_file(run)) == 0
        assert worker.claim_removals() == []
        query = "select extract(epoch from due_at - now()) / 60 from meshqueue.removals"
        pauses.append(round(db.admin.value(query)))
        come_due(db)
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440]
    assert db.admin.value("select why from meshqueue.removals") == "It answers 500."


def test_listed_again_while_it_is_removed(db: Database) -> None:
    """An upload may land after the removal: the object is looked at once more."""
    worker = new_worker(db)
    run = canceled(db, worker)
    worker.claim_removals()
    worker.finish_delivery(run, [other_file(run)])
    assert worker.removed(other_file(run)) == 0
    assert listed(db.admin) == [name(other_file(run))]
    assert removable(db) == listed(db.admin)


def test_a_young_file_goes_a_little_later(db: Database) -> None:
    """A second attempt may still upload what the first has delivered, and the owner deleted."""
    worker = new_worker(db)
    run = delivering(db, worker)
    worker.finish_delivery(run)
    db.admin.execute("delete from public.asset_files")
    assert worker.claim_removals() == []
    worker.finish_delivery(delivering(db, worker))
    db.admin.execute("update public.asset_files set created_at = now() - interval '1 hour'")
    db.admin.execute("delete from public.asset_files")
    assert len(worker.claim_removals()) == 1


# originals --------------------------------------------------------------------------------


def with_original(db: Database, worker: Worker, *others: Answer) -> Answer:
    run = delivering(db, worker)
    path = f"{run['user_id']}/models/part/original.glb"
    original = model_file(run, role="original", path=path)
    worker.finish_delivery(run, [original, *(model_file(run, **other) for other in others)])
    return original


def roles(db: Database) -> list[str]:
    return db.admin.values("select role from public.asset_files order by role")


def age(db: Database, days: int) -> None:
    query = "update public.asset_files set created_at = created_at - make_interval(days => %s)"
    db.admin.execute(query, days)


def purge(db: Database) -> int:
    return int(db.admin.value("select meshqueue.purge()")["originals"])


def test_an_original_goes_after_its_days(db: Database) -> None:
    """With its row its object is listed; the model stays."""
    worker = new_worker(db)
    original = with_original(db, worker, {})
    age(db, 29)
    assert purge(db) == 0
    age(db, 2)
    assert purge(db) == 1
    assert roles(db) == ["model"]
    assert removable(db) == [name(original)]


def test_the_only_model_stays(db: Database) -> None:
    """Nobody loses the one model they paid for; a picture does not replace it."""
    worker = new_worker(db)
    with_original(db, worker, {"role": "thumbnail", "format": "png"})
    age(db, 31)
    assert purge(db) == 0


def test_the_setting_counts(db: Database) -> None:
    """With 0 days originals go at the next upkeep."""
    worker = new_worker(db)
    with_original(db, worker, {})
    jobs.set_setting(db, "keep_original_days", 0)
    assert purge(db) == 1


# bytes stored -----------------------------------------------------------------------------

STORED = "select user_id, objects, bytes from meshqueue.stored_bytes order by user_id"


def test_stored_bytes(db: Database) -> None:
    """Each object counts once, by user and in all."""
    worker, user = new_worker(db), rich_user(db)
    shared = delivering(db, worker, user)
    for run in (shared, delivering(db, worker, user)):
        worker.finish_delivery(run, [other_file(shared), model_file(run, format="fbx", bytes=5)])
    alone = delivering(db, worker)
    worker.finish_delivery(alone)
    stored = {row["user_id"]: (row["objects"], row["bytes"]) for row in db.admin.rows(STORED)}
    assert stored == {
        user: (3, 1010),
        UUID(alone["user_id"]): (1, 1000),
        None: (4, 2010),
    }
