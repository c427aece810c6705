"""Cancel works at every moment, and its refund happens once."""

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest

from tests.support import jobs
from tests.support.channel import heard, listen
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user

Point = Callable[[Database, Worker, Row], Answer | None]


def waiting(_db: Database, _worker: Worker, _job: Row) -> None:
    """Made so by a limit of none."""


def ready(_db: Database, _worker: Worker, _job: Row) -> None:
    """As it was created."""


def running(_db: Database, worker: Worker, job: Row) -> Answer:
    return worker.begin(job["id"], "PREVIEW")


def held(_db: Database, worker: Worker, job: Row) -> Answer:
    run = worker.begin(job["id"], "PREVIEW")
    worker.wait(run)
    return run


def paused(db: Database, worker: Worker, job: Row) -> None:
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    worker.begin(job["id"], "PREVIEW")


def intent(_db: Database, worker: Worker, job: Row) -> Answer:
    run = worker.begin(job["id"], "PREVIEW")
    worker.submitting(run)
    return run


def refused(db: Database, worker: Worker, job: Row) -> Answer:
    run = intent(db, worker, job)
    worker.refused(run)
    return run


def accepted(db: Database, worker: Worker, job: Row) -> Answer:
    run = intent(db, worker, job)
    worker.submitted(run, 1, "task-1")
    return run


def accepted_and_held(db: Database, worker: Worker, job: Row) -> Answer:
    run = accepted(db, worker, job)
    worker.wait(run, "rate_limited", datetime.now(UTC))
    return run


def accepted_and_released(db: Database, worker: Worker, job: Row) -> Answer:
    run = accepted(db, worker, job)
    worker.release(run)
    return run


def lost(db: Database, worker: Worker, job: Row) -> Answer:
    run = intent(db, worker, job)
    worker.lost(run)
    return run


def absent(db: Database, worker: Worker, job: Row) -> Answer:
    run = lost(db, worker, job)
    db.admin.execute("update meshqueue.submissions set gave_up_at = now() - interval '1 hour'")
    worker.absent(run, 1)
    return run


def failed_once(db: Database, worker: Worker, job: Row) -> Answer:
    run = accepted(db, worker, job)
    worker.retry(run)
    return run


def between_stages(_db: Database, worker: Worker, job: Row) -> None:
    worker.work(job["id"], "PREVIEW")


def second_stage(db: Database, worker: Worker, job: Row) -> Answer:
    between_stages(db, worker, job)
    run = worker.begin(job["id"], "REFINE")
    worker.submit(run)
    return run


def to_deliver(_db: Database, worker: Worker, job: Row) -> None:
    for stage in ("PREVIEW", "REFINE", "REMESH"):
        worker.work(job["id"], stage)


def delivering(db: Database, worker: Worker, job: Row) -> Answer:
    to_deliver(db, worker, job)
    return worker.begin_delivery(job["id"])


# Where the job stands, and what cancel_refund = unsubmitted keeps there.
POINTS: dict[str, tuple[Point, int]] = {
    "waiting": (waiting, 0),
    "ready": (ready, 0),
    "running": (running, 0),
    "held": (held, 0),
    "held by a pause": (paused, 0),
    "intent": (intent, 10),
    "refused": (refused, 0),
    "accepted": (accepted, 10),
    "accepted, held": (accepted_and_held, 10),
    "accepted, released": (accepted_and_released, 10),
    "lost": (lost, 10),
    "absent": (absent, 0),
    "failed once": (failed_once, 0),
    "between stages": (between_stages, 10),
    "second stage": (second_stage, 25),
    "to deliver": (to_deliver, 35),
    "delivering": (delivering, 35),
}
DRAINS = {"intent", "accepted", "accepted, held", "accepted, released", "lost", "second stage"}
every_point = pytest.mark.parametrize("name", POINTS)


def job_at(db: Database, name: str, worker: Worker) -> Row:
    """A job of a user with 100 credits, brought to that point."""
    if name == "waiting":
        jobs.set_setting(db, "max_in_flight_meshy", 0)
    job = jobs.create(db, rich_user(db, 100))
    POINTS[name][0](db, worker, job)
    return job


@every_point
def test_everything_is_given_back_once(db: Database, name: str) -> None:
    """Wherever a job stands, a cancel gives its credits back, and a second cancel gives nothing."""
    job = job_at(db, name, new_worker(db))
    for _ in range(2):
        canceled = jobs.cancel(db, job["user_id"], job["id"])
        assert (canceled["id"], canceled["status"]) == (job["id"], "CANCELED")
        assert jobs.account(db, job["user_id"]) == (100, 0)
        assert jobs.ledger(db, job["id"]) == [("reserve", 0, 35), ("release", 0, -35)]


@every_point
def test_a_slot_is_kept_just_as_long_as_a_task_may_live(db: Database, name: str) -> None:
    """After a cancel the slot is free at once, unless a paid task may still run in it."""
    job = job_at(db, name, new_worker(db))
    jobs.cancel(db, job["user_id"], job["id"])
    drains = name in DRAINS
    query = "select count(*) from meshqueue.runs where ended_at is null"
    assert db.admin.value(query) == drains
    assert jobs.slots_taken(db, "meshy") == drains
    assert jobs.waiting(db, "meshy") == []


@every_point
def test_what_cannot_be_taken_back_is_kept_where_asked(db: Database, name: str) -> None:
    """With cancel_refund unsubmitted, the stages whose paid task can't be withdrawn are charged."""
    jobs.set_setting(db, "cancel_refund", "unsubmitted")
    job = job_at(db, name, new_worker(db))
    jobs.cancel(db, job["user_id"], job["id"])
    charge = POINTS[name][1]
    ending = ("settle", -charge, -35) if charge else ("release", 0, -35)
    assert jobs.ledger(db, job["id"]) == [("reserve", 0, 35), ending]
    assert jobs.account(db, job["user_id"]) == (100 - charge, 0)


def test_the_rule_in_force_when_a_stage_began_counts(db: Database) -> None:
    """A change of cancel_refund does not charge for what was begun under the kinder rule."""
    worker = new_worker(db)
    job = job_at(db, "accepted", worker)
    jobs.set_setting(db, "cancel_refund", "unsubmitted")
    jobs.cancel(db, job["user_id"], job["id"])
    assert jobs.account(db, job["user_id"]) == (100, 0)


HELD_BY_A_WORKER = {
    "running", "intent", "refused", "accepted", "lost", "absent", "failed once",
    "second stage", "delivering",
}  # fmt: skip


@every_point
def test_the_holder_is_told(db: Database, name: str) -> None:
    """A cancel reaches the worker that holds the run by NOTIFY, and disturbs nobody else."""
    worker = new_worker(db)
    job = job_at(db, name, worker)
    listener = listen(db)
    jobs.cancel(db, job["user_id"], job["id"])
    told = [
        (notice["type"], notice["worker"], notice["job_id"], notice["attempt"])
        for notice in heard(listener)
    ]
    holds = name in HELD_BY_A_WORKER
    assert told == [("cancel", str(worker.id), str(job["id"]), 1)] * holds


@pytest.mark.parametrize("name", sorted(DRAINS - HELD_BY_A_WORKER))
def test_a_task_that_nobody_holds_is_handed_out_for_draining(db: Database, name: str) -> None:
    """Where no worker holds the run, a wake-up makes one see the task to its end."""
    worker = new_worker(db)
    job = job_at(db, name, worker)
    before = len(jobs.wakeups(db, job["id"]))
    jobs.cancel(db, job["user_id"], job["id"])
    woken = jobs.wakeups(db, job["id"])[before:]
    assert [(up["stage"], up["scheduled_at"]) for up in woken] == [("PREVIEW", None)]
    assert worker.begin(job["id"], "PREVIEW")["outcome"] == "draining"


@pytest.mark.parametrize("end", ["SUCCEEDED", "FAILED"])
def test_a_job_that_is_over_cannot_be_canceled(db: Database, end: str) -> None:
    """Success and failure are final: the cancel is refused and changes nothing."""
    worker, user = new_worker(db), rich_user(db)
    job = jobs.create(db, user, jobs.PREVIEW_ONLY)
    if end == "SUCCEEDED":
        worker.work(job["id"], "PREVIEW")
        worker.work(job["id"], "DELIVER")
    else:
        worker.fail(worker.begin(job["id"], "PREVIEW"))
    before = jobs.job(db, job["id"])
    with pytest.raises(psycopg.Error) as refusal:
        jobs.cancel(db, user, job["id"])
    assert refusal.value.sqlstate == "PT409"
    assert jobs.job(db, job["id"]) == before


def draining_beside_a_waiting_job(db: Database, worker: Worker) -> tuple[Answer, UUID]:
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    user = rich_user(db)
    job = jobs.create(db, user)
    run = worker.begin(job["id"], "PREVIEW")
    worker.submit(run)
    behind = jobs.create(db, user)
    jobs.cancel(db, user, job["id"])
    assert jobs.waiting(db, "meshy") == [behind["id"]]
    return run, behind["id"]


def test_a_draining_task_keeps_the_next_job_waiting(db: Database) -> None:
    """The next job comes in only when the provider's task has really ended."""
    worker = new_worker(db)
    run, behind = draining_beside_a_waiting_job(db, worker)
    assert worker.end_draining(run) == {"outcome": "ok"}
    assert jobs.waiting(db, "meshy") == []
    assert jobs.run_of(db, behind, "PREVIEW")["state"] == "ready"
    assert db.admin.value("select outcome from meshqueue.submissions") == "canceled"


def test_a_draining_task_may_succeed(db: Database) -> None:
    """A task that ends well after the cancel is recorded with its price; the job stays canceled."""
    worker = new_worker(db)
    run, behind = draining_beside_a_waiting_job(db, worker)
    assert worker.finish(run, provider_credits=5) == {"outcome": "over"}
    assert jobs.job(db, run["job_id"])["status"] == "CANCELED"
    assert jobs.run_of(db, behind, "PREVIEW")["state"] == "ready"
    row = db.admin.row("select outcome, provider_credits from meshqueue.submissions")
    assert tuple(row.values()) == ("succeeded", 5)


def test_a_status_set_by_hand_is_as_safe_as_the_call(db: Database) -> None:
    """CANCELED written in a table editor gives back, drains and tells, as the call does."""
    worker = new_worker(db)
    job = job_at(db, "accepted", worker)
    listener = listen(db)
    jobs.set_status(db, job["id"], "CANCELED")
    assert jobs.account(db, job["user_id"]) == (100, 0)
    assert jobs.run_of(db, job["id"], "PREVIEW")["state"] == "draining"
    assert [notice["type"] for notice in heard(listener)] == ["cancel"]
