"""What a worker asks of the database without deciding anything."""

import hashlib

from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import new_worker, rich_user


def test_claimed_tasks_are_those_that_a_run_has(db: Database) -> None:
    """A task of the provider's list that some run holds is nobody's lost request."""
    worker = new_worker(db)
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submit(run, "task-1")
    query = "select meshqueue.claimed_tasks('MESHY', '{task-1,task-2}')"
    assert worker.session.value(query) == ["task-1"]
    assert worker.session.value("select meshqueue.claimed_tasks('TRIPO', '{task-1}')") == []


def test_a_pause_by_the_operator_is_not_the_workers_to_lift(db: Database) -> None:
    """Workers ask the provider only about pauses that the provider caused."""
    session = db.postgres()
    session.execute("select meshqueue.pause_provider('MESHY', 'a key', 'out_of_credit')")
    session.execute("select meshqueue.pause_provider('TRIPO')")
    listed = session.value("select meshqueue.paused_keys()")
    assert [(row["provider"], row["fingerprint"]) for row in listed] == [("MESHY", "a key")]


def test_webhook_hashes_know_a_users_own_secret(db: Database) -> None:
    """The secret is told once; what stays is compared with a header, and never told all at once."""
    with db.user(rich_user(db)) as user:
        secret = user.value("select public.rotate_webhook_secret('MESHY')")
        user.value("select public.rotate_webhook_secret('TRIPO')")
    digest, other = (hashlib.sha256(text.encode()).hexdigest() for text in (secret, "other"))
    query, session = "select meshqueue.webhook_hashes(%s, %s)", db.postgres()
    assert session.value(query, "MESHY", [other, digest]) == [digest]
    assert session.value(query, "MESHY", []) == []
    assert session.value(query, "TRIPO", [digest]) == []


def test_health_tells_how_long_work_has_waited(db: Database) -> None:
    """Seconds since the oldest run could have been begun; runs that wait for a time don't count."""
    worker = new_worker(db)
    job = jobs.create(db, rich_user(db))
    query = "select meshqueue.health()"
    assert worker.session.value(query)["oldest_ready_seconds"] == 0
    db.admin.execute("update meshqueue.runs set wake_at = now() - interval '90 seconds'")
    seen = worker.session.value(query)
    assert (seen["oldest_ready_seconds"], seen["runs"], seen["workers"]) == (90, {"ready": 1}, 1)
    worker.begin(job["id"], "PREVIEW")
    assert worker.session.value(query)["oldest_ready_seconds"] == 0


def test_deliveries_wait_their_turn(db: Database) -> None:
    """For processors, for minutes perhaps: it stands still only where none is under way."""
    worker, query = new_worker(db), "select (meshqueue.health() -> 'oldest_ready_seconds')::integer"
    made = [jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)["id"] for _ in range(2)]
    for job in made:
        worker.finish(worker.begin(job, "PREVIEW"))
    db.admin.execute("update meshqueue.runs set wake_at = now() - interval '5 minutes'")
    assert worker.session.value(query) == 300
    worker.begin_delivery(made[0])
    assert worker.session.value(query) == 0


def test_another_providers_delivery_hides_none(db: Database) -> None:
    """Each has a queue of its own, which stands still by itself."""
    worker, query = new_worker(db), "select (meshqueue.health() -> 'oldest_ready_seconds')::integer"
    for request in (jobs.PREVIEW_ONLY, {**jobs.PREVIEW_ONLY, "provider": "TRIPO"}):
        made = jobs.create(db, rich_user(db), request)["id"]
        worker.finish(worker.begin(made, "PREVIEW"))
    db.admin.execute("update meshqueue.runs set wake_at = now() - interval '5 minutes'")
    worker.begin_delivery(made)
    assert worker.session.value(query) == 300


def test_what_waited_for_a_time_waits_for_a_worker_then(db: Database) -> None:
    """A run that was held, and that nobody takes once its time has come."""
    worker, query = new_worker(db), "select (meshqueue.health() -> 'oldest_ready_seconds')::integer"
    worker.wait(worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW"))
    assert worker.session.value(query) == 0
    db.admin.execute("update meshqueue.runs set wake_at = now() - interval '5 minutes'")
    assert worker.session.value(query) == 300


def test_health_of_an_empty_queue(db: Database) -> None:
    """Nothing to do is no problem."""
    seen = db.postgres().value("select meshqueue.health()")
    assert seen == {
        "oldest_ready_seconds": 0,
        "runs": {},
        "waiting": {},
        "workers": 0,
        "paused": {},
        "deliveries_paused": None,
    }
