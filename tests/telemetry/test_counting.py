"""What the database counts of its own, whoever decided it."""

from collections.abc import Mapping

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Worker, model_file
from tests.support.jobs import new_worker, rich_user
from worker.providers.failure import Kind

Counts = dict[tuple[str, ...], float]


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


def vitals(db: Database) -> Counts:
    """By name and the values of its labels, in their order."""
    rows = db.admin.value("select meshqueue.vitals()")
    return {(name, *values(labels)): value for name, labels, value in rows}


def values(labels: Mapping[str, str]) -> list[str]:
    order = ("provider", "pool", "stage", "state", "detail", "kind")
    return [labels[name] for name in order if name in labels]


def delivered(db: Database, worker: Worker, *, before: int, after: int) -> None:
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    worker.work(job["id"], "PREVIEW")
    run = worker.begin_delivery(job["id"])
    report = {"bytes_before": before, "bytes_after": after}
    assert worker.finish_delivery(run, [model_file(run)], report)["outcome"] == "ok"


def test_a_delivered_job(db: Database, worker: Worker) -> None:
    """Its ending, what it weighed before and after, what its user and its provider had."""
    delivered(db, worker, before=3000, after=1000)
    seen = vitals(db)
    assert seen["jobs_ended", "MESHY", "succeeded"] == 1
    assert (seen["model_bytes", "MESHY", "before"], seen["model_bytes", "MESHY", "after"]) == (
        3000,
        1000,
    )
    assert (seen["credits", "settled"], seen["credits_reserved",]) == (10, 0)
    assert seen["submissions", "MESHY", "succeeded"] == 1
    assert not any(value for key, value in seen.items() if key[0] == "jobs_failed")


def test_what_no_worker_sees(db: Database) -> None:
    """A cancel, a deadline and a hand in a table editor count as any other ending."""
    user = rich_user(db)
    canceled, expired, by_hand = (jobs.create(db, user) for _ in range(3))
    jobs.cancel(db, user, canceled["id"])
    query = "update public.ai_jobs set deadline_at = now() - interval '1 hour' where id = %s"
    db.admin.execute(query, expired["id"])
    db.admin.execute("select meshqueue.expire_jobs()")
    query = "update public.ai_jobs set status = 'FAILED', error_code = %s where id = %s"
    db.admin.execute(query, "because I say so", by_hand["id"])
    seen = vitals(db)
    assert seen["jobs_ended", "MESHY", "canceled"] == 1
    assert seen["jobs_ended", "MESHY", "failed"] == 2
    assert seen["jobs_failed", "MESHY", "queue_timeout"] == 1
    assert seen["jobs_failed", "MESHY", "other"] == 1
    assert seen["credits", "released"] == 3 * canceled["credits_cost"]


def test_every_failure_has_a_name(db: Database) -> None:
    """Only what an operator made up by hand is 'other'."""
    kinds = [str(kind) for kind in Kind if kind is not Kind.TASK_FAILED_RETRYABLE]
    query = "select array(select meshqueue.known_code(k) from unnest(%s::text[]) k)"
    assert db.admin.value(query, kinds) == kinds


def test_a_lost_request(db: Database, worker: Worker) -> None:
    """It counts when it is lost and when it is known; in between it is unresolved."""
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(run)
    worker.lost(run)
    seen = vitals(db)
    assert seen["submissions", "MESHY", "lost"] == 1
    assert seen["submissions_unresolved", "MESHY"] == 1
    worker.adopt(run, 1, "task-1")
    worker.finish(run, provider_credits=20)
    seen = vitals(db)
    assert seen["submissions_unresolved", "MESHY"] == 0
    assert seen["submissions", "MESHY", "succeeded"] == 1
    assert seen["provider_credits", "MESHY"] == 20


def test_a_request_whose_worker_died_counts_as_lost(db: Database, worker: Worker) -> None:
    """Nobody reported it: the next one who begins the run finds its intent."""
    job = jobs.create(db, rich_user(db))
    worker.submitting(worker.begin(job["id"], "PREVIEW"))
    db.admin.execute("update meshqueue.workers set left_at = now()")
    new_worker(db).begin(job["id"], "PREVIEW")
    assert vitals(db)["submissions", "MESHY", "lost"] == 1


def test_grants(db: Database) -> None:
    """What is given and what is taken back are two numbers: a counter never falls."""
    user = rich_user(db, 100)
    jobs.grant(db, user, -30)
    seen = vitals(db)
    assert (seen["credits", "granted"], seen["credits", "taken_back"]) == (100, 30)


def test_folding_keeps_the_sums(db: Database, worker: Worker) -> None:
    """Many lines become few, and nobody sees another number."""
    delivered(db, worker, before=3000, after=1000)
    db.admin.execute(
        "insert into meshqueue.tallies (name, provider, detail, amount)"
        " select 'jobs_ended', 'MESHY', 'succeeded', 1 from generate_series(1, 600)"
    )
    before = vitals(db)
    assert db.admin.value("select meshqueue.fold_tallies()") < 20
    assert vitals(db) == before
    assert db.admin.value("select count(*) from meshqueue.tallies") < 20


def test_folding_at_the_same_time(db: Database) -> None:
    """Whoever comes second leaves it to the first, and waits for nobody."""
    query = "insert into meshqueue.tallies (name, amount) select 'x', 1 from generate_series(1,500)"
    db.admin.execute(query)
    first, second = db.postgres(), db.postgres()
    with first.connection.transaction():
        assert first.value("select meshqueue.fold_tallies()") == 1
        assert second.value("select meshqueue.fold_tallies()") == 0
        second.execute("select meshqueue.tally('x', '', '', 1)")
    assert db.admin.value("select sum(amount) from meshqueue.tallies where name = 'x'") == 501


def test_the_queue(db: Database, worker: Worker) -> None:
    """Depth and age by pool, slots, and what runs."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    users = [rich_user(db) for _ in range(3)]
    first, *_ = [jobs.create(db, user) for user in users]
    worker.begin(first["id"], "PREVIEW")
    db.admin.execute("update meshqueue.waiting set since = now() - interval '90 seconds'")
    seen = vitals(db)
    assert (seen["jobs_waiting", "meshy"], seen["jobs_waiting", "tripo:model"]) == (2, 0)
    assert 90 <= seen["oldest_waiting_seconds", "meshy"] < 100
    assert (seen["slots", "meshy"], seen["slots_taken", "meshy"]) == (1, 1)
    assert seen["runs", "MESHY", "PREVIEW", "running"] == 1
    assert (seen["workers",], seen["credits_reserved",]) == (1, 3 * first["credits_cost"])


@pytest.mark.parametrize("reason", ["paused", "over_budget"])
def test_slots_are_those_of_stages(db: Database, worker: Worker, reason: str) -> None:
    """What the rule SlotsLeaked compares is equal: also under a pause, which keeps the slots."""
    users = [rich_user(db) for _ in range(4)]
    waits, drains, works, delivers = (jobs.create(db, user, jobs.PREVIEW_ONLY) for user in users)
    worker.work(delivers["id"], "PREVIEW")
    for job in (drains, works):
        worker.submit(worker.begin(job["id"], "PREVIEW"), f"task of {job['id']}")
    jobs.cancel(db, drains["user_id"], drains["id"])
    run = worker.begin(waits["id"], "PREVIEW")
    if reason == "paused":
        db.admin.execute("select meshqueue.pause_provider('MESHY')")
    worker.wait(run, reason=reason)
    seen = vitals(db)
    states = {each[3]: n for each, n in seen.items() if each[0] == "runs" and each[2] != "DELIVER"}
    assert states == {"held": 1, "draining": 1, "running": 1}
    assert sum(n for each, n in seen.items() if each[0] == "slots_taken") == 3


def test_storage_is_measured_by_one(db: Database, worker: Worker) -> None:
    """Dear to count: by whoever comes first, once in a quarter of an hour."""
    query = "select meshqueue.may_measure('stored_bytes')"
    assert ("stored_bytes",) not in vitals(db)
    delivered(db, worker, before=3000, after=1000)
    assert [db.admin.value(query) for _ in range(2)] == [True, False]
    db.admin.execute("select meshqueue.measure_storage()")
    seen = vitals(db)
    assert (seen["stored_bytes",], seen["stored_objects",]) == (1000, 1)


def test_everything_stored_is_measured(db: Database, worker: Worker) -> None:
    """The plan's room holds users' images and strangers' buckets too; a model counts once."""
    delivered(db, worker, before=3000, after=1000)
    object_ = "insert into storage.objects (bucket_id, name, metadata) values (%s, %s, %s)"
    file = db.admin.row("select bucket, path from public.asset_files")
    platform = db.superuser()
    platform.execute(object_, file["bucket"], file["path"], '{"size": 1000}')
    platform.execute(object_, "inputs", "image.png", '{"size": 500}')
    platform.execute(object_, "inputs", "nobody knows how large", None)
    db.admin.execute("select meshqueue.measure_storage()")
    seen = vitals(db)
    assert (seen["stored_bytes",], seen["stored_objects",]) == (1500, 3)


def test_when_a_worker_was_last_seen(db: Database) -> None:
    """Everybody may know: an app can say that models are delayed."""
    query = "select public.get_public_settings() ->> 'worker_last_seen'"
    with db.anon() as anon:
        assert anon.value(query) is None
    new_worker(db)
    with db.anon() as anon:
        age = anon.value(f"select now() - ({query})::timestamptz")
    assert 0 <= age.total_seconds() < 60


def test_times_of_a_run(db: Database, worker: Worker) -> None:
    """Asked for, placed, begun, ended; a later stage asks when the one before it ends."""
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    first = worker.work(job["id"], "PREVIEW")
    second = worker.begin_delivery(job["id"])
    query = "select meshqueue.times_of_run(%s)"
    before, after = (db.admin.value(query, run["run"]) for run in (first, second))
    assert before["asked_at"] == before["job_created_at"]
    assert after["asked_at"] == before["ended_at"]
    assert (before["state"], after["state"]) == ("done", "running")
    assert (after["ended_at"], after["job_status"]) == (None, "IN_PROGRESS")
