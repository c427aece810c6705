"""A stage that does not go well: it waits, is tried again, or fails."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import PREVIEW_ONLY, Row, new_worker, rich_user

OK = {"outcome": "ok"}


def begun(db: Database, worker: Worker, stage: str = "PREVIEW", **request: Any) -> Answer:
    """A job that stands at this stage, just begun."""
    job = jobs.create(db, rich_user(db), {**jobs.MESHY_TEXT, **request})
    for earlier in job["stages"]:
        if earlier == stage:
            break
        worker.work(job["id"], earlier)
    return worker.begin(job["id"], stage)


def run_now(db: Database, run: Answer) -> Row:
    return db.admin.row("select * from meshqueue.runs where id = %s", run["run"])


def test_waiting_keeps_the_slot_and_burns_no_try(db: Database) -> None:
    """Without a free place at the provider the run waits: slot, tries and money stay."""
    worker = new_worker(db)
    run = begun(db, worker)
    assert worker.wait(run, "no_slot") == OK
    held = run_now(db, run)
    assert (held["state"], held["held_for"], held["worker_id"]) == ("held", "no_slot", None)
    assert held["retries"] == 0
    assert jobs.slots_taken(db, "meshy") == 1
    assert jobs.ledger(db, UUID(run["job_id"])) == [("reserve", 0, 35)]


def test_waits_for_a_model_that_is_not_shown_are_counted(db: Database) -> None:
    """A delivery gives up after some of these, and after no other kind of wait."""
    worker = new_worker(db)
    job = jobs.create(db, rich_user(db), PREVIEW_ONLY)["id"]
    worker.work(job, "PREVIEW")
    for reason, retries in [("fetch", 0), ("no_model", 0), ("storage", 1), ("no_model", 1)]:
        run = worker.begin(job, "DELIVER")
        assert run["retries"] == retries
        worker.wait(run, reason, datetime.now(UTC))
    assert worker.begin(job, "DELIVER")["retries"] == 2


def test_a_waiting_run_is_woken_at_its_time(db: Database) -> None:
    """The wake-up is scheduled for the time that the provider named."""
    worker = new_worker(db)
    run = begun(db, worker)
    at = datetime.now(UTC) + timedelta(seconds=90)
    worker.wait(run, "rate_limited", at)
    assert run_now(db, run)["wake_at"] == at
    assert jobs.wakeups(db, UUID(run["job_id"]))[-1]["scheduled_at"] == at


def test_a_wait_without_a_time_is_short(db: Database) -> None:
    """Where the provider names no time, the run is woken after five seconds."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.wait(run)
    query = "select wake_at <= now() + interval '5 seconds' from meshqueue.runs"
    assert db.admin.value(query) is True


def test_a_waiting_run_keeps_its_task(db: Database) -> None:
    """A run that waits while its task is under way goes on with that task."""
    worker = new_worker(db)
    run = begun(db, worker)
    task = worker.submit(run)
    worker.wait(run, "rate_limited", datetime.now(UTC))
    again = worker.begin(run["job_id"], "PREVIEW")
    assert (again["attempt"], again["submission"]["task_id"]) == (2, task)


def test_a_stage_is_retried_once(db: Database) -> None:
    """A task that failed in a way that may be retried is paid for once more, never twice more."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    assert worker.retry(run) == OK
    worker.submit(run)
    assert worker.retry(run) == {"outcome": "exhausted"}
    query = "select outcome from meshqueue.submissions order by n"
    assert db.admin.values(query) == ["failed", "failed"]
    assert (run_now(db, run)["state"], run_now(db, run)["retries"]) == ("running", 1)


def test_a_retry_survives_a_change_of_worker(db: Database) -> None:
    """The next worker is told that the one retry is spent."""
    worker, other = new_worker(db), new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    worker.retry(run)
    worker.release(run)
    taken = other.begin(run["job_id"], "PREVIEW")
    assert taken["retries"] == 1
    assert other.retry(taken) == {"outcome": "exhausted"}


def test_a_retry_begins_at_nought(db: Database) -> None:
    """The new task's progress is counted from the beginning, in the same slot."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    worker.progress((run, 80))
    worker.retry(run)
    assert run_now(db, run)["progress"] == 0
    assert jobs.slots_taken(db, "meshy") == 1


def test_a_failing_first_stage_fails_the_job(db: Database) -> None:
    """With nothing to deliver the job fails, everything is given back and the slot is free."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    assert worker.fail(run, "moderated") == OK
    job = jobs.job(db, run["job_id"])
    assert (job["status"], job["error_code"]) == ("FAILED", "moderated")
    assert job["error_message"] == "It failed."
    assert jobs.account(db, job["user_id"]) == (10_000, 0)
    assert jobs.ledger(db, job["id"]) == [("reserve", 0, 35), ("release", 0, -35)]
    assert jobs.slots_taken(db, "meshy") == 0


def test_the_raw_answer_is_for_the_operator_alone(db: Database) -> None:
    """What the provider really said is kept with the run, never in what the user sees."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.fail(run)
    assert run_now(db, run)["error"] == {"raw": "answer", "code": "task_failed"}
    assert "answer" not in str(jobs.job(db, run["job_id"]))
    assert "answer" not in str(db.admin.rows("select * from public.ai_job_events"))


@pytest.mark.parametrize(("stage", "charge"), [("REFINE", 10), ("REMESH", 25)])
def test_a_failing_later_stage_delivers_the_best(db: Database, stage: str, charge: int) -> None:
    """A good, paid model is delivered though a later stage failed; the open stages are free."""
    worker = new_worker(db)
    run = begun(db, worker, stage)
    worker.submit(run)
    assert worker.fail(run) == {**OK, "next": "DELIVER"}
    assert jobs.slots_taken(db, "meshy") == 0
    worker.work(UUID(run["job_id"]), "DELIVER")
    job = jobs.job(db, run["job_id"])
    missing = {"REFINE": ["REFINE", "REMESH"], "REMESH": ["REMESH"]}[stage]
    assert (job["status"], job["result_payload"]["missing"]) == ("SUCCEEDED", missing)
    assert jobs.ledger(db, job["id"]) == [("reserve", 0, 35), ("settle", -charge, -35)]


def test_a_model_that_cannot_be_rigged_is_delivered_unrigged(db: Database) -> None:
    """A failing RIG is not charged and keeps the model."""
    worker = new_worker(db)
    run = begun(db, worker, "RIG", requires_rig=True)
    worker.fail(run, "task_failed")
    worker.work(UUID(run["job_id"]), "DELIVER")
    job = jobs.job(db, run["job_id"])
    assert job["result_payload"]["missing"] == ["RIG"]
    assert jobs.ledger(db, job["id"])[-1] == ("settle", -35, -45)


def test_delivering_the_best_can_be_switched_off(db: Database) -> None:
    """With deliver_best off, a failing later stage fails the job and everything is given back."""
    jobs.set_setting(db, "deliver_best", "false")
    worker = new_worker(db)
    run = begun(db, worker, "REMESH")
    assert worker.fail(run) == OK
    job = jobs.job(db, run["job_id"])
    assert job["status"] == "FAILED"
    assert jobs.ledger(db, job["id"])[-1] == ("release", 0, -35)


def test_a_failing_delivery_fails_the_job(db: Database) -> None:
    """A model that can't be stored is not charged, though every stage was done."""
    worker = new_worker(db)
    run = begun(db, worker, "DELIVER")
    assert worker.fail(run, "unavailable") == OK
    job = jobs.job(db, run["job_id"])
    assert (job["status"], job["stage"]) == ("FAILED", "DELIVER")
    assert jobs.ledger(db, job["id"])[-1] == ("release", 0, -35)


def test_a_failure_with_a_living_task_drains(db: Database) -> None:
    """The user has the failure and the credits at once; the slot stays until the task has ended."""
    worker, other = new_worker(db), new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    assert worker.fail(run, "task_expired", task_ended=False) == OK
    job = jobs.job(db, run["job_id"])
    assert job["status"] == "FAILED"
    assert jobs.account(db, job["user_id"]) == (10_000, 0)
    assert (run_now(db, run)["state"], run_now(db, run)["worker_id"]) == ("draining", None)
    assert jobs.slots_taken(db, "meshy") == 1
    assert len(jobs.wakeups(db, job["id"])) == 2
    assert other.end_draining(other.begin(job["id"], "PREVIEW"), "failed") == OK
    assert run_now(db, run)["state"] == "failed"
    assert jobs.slots_taken(db, "meshy") == 0


def test_the_best_is_delivered_while_the_failed_task_drains(db: Database) -> None:
    """A later stage's doubtful request keeps its slot and does not hold up the delivery."""
    worker = new_worker(db)
    run = begun(db, worker, "REFINE")
    worker.submitting(run)
    worker.lost(run)
    answer = worker.fail(run, "submission_unknown", task_ended=False)
    assert answer == {**OK, "next": "DELIVER"}
    worker.work(UUID(run["job_id"]), "DELIVER")
    assert jobs.job(db, run["job_id"])["status"] == "SUCCEEDED"
    assert run_now(db, run)["state"] == "draining"
    assert jobs.slots_taken(db, "meshy") == 1


def test_a_task_that_never_was_needs_no_draining(db: Database) -> None:
    """A failure before anything was sent frees the slot, whatever the worker says of the task."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.fail(run, "invalid_request", task_ended=False)
    assert run_now(db, run)["state"] == "failed"
    assert jobs.slots_taken(db, "meshy") == 0


def test_a_freed_slot_goes_to_the_next(db: Database) -> None:
    """The failing job's slot is handed on in the same transaction."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    worker = new_worker(db)
    run = begun(db, worker)
    after = jobs.create(db, rich_user(db))
    assert jobs.waiting(db, "meshy") == [after["id"]]
    worker.fail(run)
    assert jobs.waiting(db, "meshy") == []
    assert jobs.run_of(db, after["id"], "PREVIEW")["state"] == "ready"
