"""No job is lost: each ends at the latest at its deadline."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.channel import heard, listen
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import Row, new_worker, rich_user


def expire(db: Database, at_most: int = 100) -> int:
    return int(db.admin.value("select meshqueue.expire_jobs(%s)", at_most))


def overdue(db: Database, *job_ids: UUID) -> None:
    """Their deadlines passed, the first one's first."""
    query = """
        update public.ai_jobs j
        set deadline_at = now() - interval '1 hour' + d.place * interval '1 second'
        from unnest(%s) with ordinality d (id, place) where j.id = d.id
    """
    db.admin.execute(query, list(job_ids))


def waiting(db: Database, _worker: Worker) -> Row:
    jobs.set_setting(db, "max_in_flight_meshy", 0)
    return jobs.create(db, rich_user(db, 100))


def admitted(db: Database, _worker: Worker) -> Row:
    return jobs.create(db, rich_user(db, 100))


def working(db: Database, worker: Worker) -> Row:
    job = admitted(db, worker)
    worker.begin(job["id"], "PREVIEW")
    return job


def between_stages(db: Database, worker: Worker) -> Row:
    jobs.set_setting(db, "max_in_flight_tripo_processing", 0)
    job = jobs.create(db, rich_user(db, 100), jobs.TRIPO_TEXT)
    worker.work(job["id"], "PREVIEW")
    return job


def without_the_best(db: Database, worker: Worker) -> Row:
    jobs.set_setting(db, "deliver_best", "false")
    return between_stages(db, worker)


def delivering(db: Database, worker: Worker) -> Row:
    job = admitted(db, worker)
    for stage in ("PREVIEW", "REFINE", "REMESH"):
        worker.work(job["id"], stage)
    worker.begin_delivery(job["id"])
    return job


@pytest.mark.parametrize(
    ("point", "code"),
    [
        (waiting, "queue_timeout"),
        (admitted, "queue_timeout"),
        (working, "timeout"),
        (without_the_best, "timeout"),
        (delivering, "delivery_timeout"),
    ],
)
def test_a_job_past_its_deadline_fails(
    db: Database, point: Callable[[Database, Worker], Row], code: str
) -> None:
    """Waiting, working or delivering too long fails the job; all is given back, nothing is left."""
    job = point(db, new_worker(db))
    overdue(db, job["id"])
    assert expire(db) == 1
    ended = jobs.job(db, job["id"])
    assert (ended["status"], ended["error_code"]) == ("FAILED", code)
    assert "Nothing was charged" in ended["error_message"]
    assert jobs.account(db, job["user_id"]) == (100, 0)
    left = "select (select count(*) from meshqueue.waiting) + count(run_id) from meshqueue.slots"
    assert db.admin.value(left) == 0
    assert expire(db) == 0


def test_nothing_expires_before_its_deadline(db: Database) -> None:
    """A job that has time left is let alone."""
    jobs.create(db, rich_user(db))
    assert expire(db) == 0


def test_a_task_that_still_runs_is_drained(db: Database) -> None:
    """A job that expires while its task runs is over for the user, and its slot is kept."""
    worker = new_worker(db)
    job = admitted(db, worker)
    worker.submit(worker.begin(job["id"], "PREVIEW"))
    overdue(db, job["id"])
    expire(db)
    assert jobs.job(db, job["id"])["status"] == "FAILED"
    assert jobs.run_of(db, job["id"], "PREVIEW")["state"] == "draining"
    assert jobs.slots_taken(db, "meshy") == 1


def test_a_freed_slot_admits_the_next(db: Database) -> None:
    """The expired job's slot goes to the next in line in the same transaction."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    first, second = jobs.create(db, rich_user(db)), jobs.create(db, rich_user(db))
    overdue(db, first["id"])
    expire(db)
    assert jobs.run_of(db, second["id"], "PREVIEW")["state"] == "ready"


@pytest.mark.parametrize(
    ("point", "expired"),
    [(working, 0), (between_stages, 0), (waiting, 1), (delivering, 1)],
)
def test_a_pause_stops_the_clock_of_working_jobs_only(
    db: Database, point: Callable[[Database, Worker], Row], expired: int
) -> None:
    """While its provider is paused a working job does not expire; waiting and delivering do."""
    job = point(db, new_worker(db))
    db.admin.execute("select meshqueue.pause_provider(%s)", job["provider"])
    overdue(db, job["id"])
    assert expire(db) == expired


def test_at_most_a_hundred_at_once(db: Database) -> None:
    """One call ends at most 100 jobs, so that no transaction grows long."""
    user = rich_user(db, 10_000)
    made = [jobs.create_by_server(db, user)["id"] for _ in range(102)]
    overdue(db, *made)
    assert [expire(db, 1_000), expire(db, 1_000)] == [100, 2]
    assert jobs.account(db, user) == (10_000, 0)


def test_the_longest_overdue_goes_first(db: Database) -> None:
    """Jobs end in the order of their deadlines."""
    first, second = jobs.create(db, rich_user(db)), jobs.create(db, rich_user(db))
    overdue(db, second["id"], first["id"])
    assert expire(db, 1) == 1
    assert jobs.job(db, second["id"])["status"] == "FAILED"
    assert jobs.job(db, first["id"])["status"] == "QUEUED"


@pytest.mark.parametrize(
    "lock",
    [
        "select from public.ai_jobs where id = %(id)s for no key update",
        "select from public.credit_accounts where user_id = %(user_id)s for no key update",
    ],
    ids=["job", "account"],
)
def test_what_somebody_works_on_is_skipped(db: Database, lock: str) -> None:
    """The sweep waits for no lock: a job that is locked is left for the next sweep."""
    busy, idle = jobs.create(db, rich_user(db)), jobs.create(db, rich_user(db))
    overdue(db, busy["id"], idle["id"])
    holder = db.postgres()
    with holder.connection.transaction():
        holder.execute(lock, **busy)
        assert expire(db) == 1
        assert jobs.job(db, idle["id"])["status"] == "FAILED"
    assert expire(db) == 1


def refining(db: Database, worker: Worker) -> Row:
    """Its preview is made; the refine's task is under way."""
    job = admitted(db, worker)
    worker.work(job["id"], "PREVIEW")
    worker.submit(worker.begin(job["id"], "REFINE"), "refine")
    return job


@pytest.mark.parametrize("point", [between_stages, refining])
def test_a_finished_model_is_delivered_at_the_deadline(
    db: Database, point: Callable[[Database, Worker], Row]
) -> None:
    """What is made and paid for is not thrown away; the open stages cost nothing."""
    worker = new_worker(db)
    job = point(db, worker)
    overdue(db, job["id"])
    assert (expire(db), expire(db)) == (1, 0)
    assert jobs.waiting(db, "tripo:processing") == []
    worker.work(job["id"], "DELIVER")
    ended = jobs.job(db, job["id"])
    assert (ended["status"], ended["result_payload"]["missing"]) == (
        "SUCCEEDED",
        ["REFINE", "REMESH"],
    )
    assert jobs.account(db, job["user_id"]) == (90, 0)


def test_the_task_that_took_too_long_is_drained(db: Database) -> None:
    """Its slot stays taken and its holder is told; what it makes after all changes nothing."""
    worker = new_worker(db)
    job = refining(db, worker)
    run = jobs.run_of(db, job["id"], "REFINE")
    overdue(db, job["id"])
    listener = listen(db)
    expire(db)
    assert [message["type"] for message in heard(listener)] == ["cancel"]
    assert (jobs.run_of(db, job["id"], "REFINE")["state"], jobs.slots_taken(db, "meshy")) == (
        "draining",
        1,
    )
    fence = {"run": run["id"], "attempt": run["attempt"], "job_id": str(job["id"])}
    assert worker.finish(fence) == {"outcome": "over"}
    assert jobs.slots_taken(db, "meshy") == 0
    assert jobs.job(db, job["id"])["stage"] == "DELIVER"


def test_a_job_that_is_delivered_for_its_deadline_can_be_canceled(db: Database) -> None:
    """The cancel gives everything back, once, while the slow task is still drained."""
    job = refining(db, new_worker(db))
    overdue(db, job["id"])
    expire(db)
    jobs.cancel(db, job["user_id"], job["id"])
    assert jobs.account(db, job["user_id"]) == (100, 0)
    assert jobs.run_of(db, job["id"], "REFINE")["state"] == "draining"


def test_a_stage_that_the_deadline_ended_costs_nothing_where_cancels_are_paid(db: Database) -> None:
    """With cancel_refund unsubmitted, a cancel costs no more than the delivery would have."""
    jobs.set_setting(db, "cancel_refund", "unsubmitted")
    job = refining(db, new_worker(db))
    overdue(db, job["id"])
    expire(db)
    jobs.cancel(db, job["user_id"], job["id"])
    assert jobs.account(db, job["user_id"]) == (90, 0)


def minutes_left(db: Database, job: Row) -> int:
    left: timedelta = jobs.job(db, job["id"])["deadline_at"] - db.admin.value("select now()")
    return round(left.total_seconds() / 60)


def in_line(db: Database, hours: int) -> Row:
    """For so long a job has waited for its second stage's slot, an hour after it began."""
    job = between_stages(db, new_worker(db))
    since = f"now() - interval '{hours} hours'"
    db.admin.execute(f"update meshqueue.waiting set since = {since}")
    db.admin.execute(f"update meshqueue.runs set ended_at = {since}")
    db.admin.execute(f"""
        update public.ai_jobs
        set started_at = {since} - interval '1 hour', deadline_at = {since} + interval '1 hour'
    """)
    return job


def test_time_in_line_does_not_count(db: Database) -> None:
    """Who has done a stage and waits for the next one's slot does not run out of time by it."""
    job = in_line(db, 5)
    assert expire(db) == 0
    jobs.set_setting(db, "max_in_flight_tripo_processing", 1)
    assert expire(db) == 0
    worker = new_worker(db)
    run = worker.begin(job["id"], "REFINE")
    assert (run["outcome"], minutes_left(db, job)) == ("begun", 60)
    worker.release(run)
    worker.begin(job["id"], "REFINE")
    assert minutes_left(db, job) == 60


def test_nobody_stands_in_line_for_ever(db: Database) -> None:
    """A day is given; then what is made is delivered."""
    job = in_line(db, 26)
    assert expire(db) == 1
    assert jobs.job(db, job["id"])["stage"] == "DELIVER"


def test_time_in_line_under_a_pause_counts_once(db: Database) -> None:
    """Neither the pause nor the line takes time away, and together they give none."""
    job = in_line(db, 5)
    db.admin.execute("select meshqueue.pause_provider('TRIPO')")
    db.admin.execute("update meshqueue.pauses set since = now() - interval '3 hours'")
    jobs.set_setting(db, "max_in_flight_tripo_processing", 1)
    db.admin.execute("select meshqueue.resume_provider('TRIPO')")
    new_worker(db).begin(job["id"], "REFINE")
    assert minutes_left(db, job) == 60
