"""A status set by hand in a table editor is as safe as the functions."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import (
    account,
    cancel,
    create,
    create_by_server,
    events,
    job,
    ledger,
    new_worker,
    rich_user,
    run_of,
    set_setting,
    slots_taken,
    waiting,
)
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

Row = dict[str, Any]

SET = "update public.ai_jobs set status = %s where id = %s"
OVER = ("SUCCEEDED", "FAILED", "CANCELED")
EVERY = ("QUEUED", "IN_PROGRESS", *OVER)


@pytest.fixture
def user_id(db: Database) -> UUID:
    set_setting(db, "max_in_flight_meshy", 1)
    return rich_user(db, 1000)


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


def set_status(db: Database, made: Row, status: str) -> None:
    db.admin.execute(SET, status, made["id"])


def brought_to(db: Database, worker: Worker, made: Row, status: str) -> None:
    """By the engine's own ways."""
    if status == "CANCELED":
        cancel(db, made["user_id"], made["id"])
    elif status == "FAILED":
        worker.fail(worker.begin(made["id"], "PREVIEW"))
    elif status == "SUCCEEDED":
        for stage in made["stages"]:
            worker.work(made["id"], stage)
    elif status == "IN_PROGRESS":
        worker.begin(made["id"], "PREVIEW")


@pytest.mark.parametrize("status", ["FAILED", "CANCELED"])
def test_ending_a_waiting_job(db: Database, user_id: UUID, status: str) -> None:
    """Credits are released, the place in the queue is gone, history is written."""
    create_by_server(db, rich_user(db))
    made = create(db, user_id)
    assert waiting(db, "meshy") == [made["id"]]
    set_status(db, made, status)
    assert waiting(db, "meshy") == []
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("release", 0, -35)]
    assert account(db, user_id) == (1000, 0)
    assert events(db, made["id"])[-1] == ("PREVIEW", status)


@pytest.mark.parametrize("status", ["FAILED", "CANCELED"])
def test_ending_a_running_job(db: Database, user_id: UUID, worker: Worker, status: str) -> None:
    """The next job gets the slot, and the worker can decide nothing any more."""
    made = create(db, user_id)
    run = worker.begin(made["id"], "PREVIEW")
    other = create_by_server(db, rich_user(db))
    set_status(db, made, status)
    assert run_of(db, made["id"], "PREVIEW")["state"] == "canceled"
    assert run_of(db, other["id"], "PREVIEW")["state"] == "ready"
    assert worker.finish(run)["outcome"] == "fenced"
    assert account(db, user_id) == (1000, 0)


@pytest.mark.parametrize("status", ["FAILED", "CANCELED"])
def test_ending_a_job_with_a_paid_task(
    db: Database, user_id: UUID, worker: Worker, status: str
) -> None:
    """The slot stays with the provider's task until that has really ended."""
    made = create(db, user_id)
    run = worker.begin(made["id"], "PREVIEW")
    worker.submit(run)
    set_status(db, made, status)
    assert run_of(db, made["id"], "PREVIEW")["state"] == "draining"
    assert slots_taken(db, "meshy") == 1
    assert worker.end_draining(run)["outcome"] == "ok"
    assert slots_taken(db, "meshy") == 0


def test_succeeding_by_hand(db: Database, user_id: UUID, worker: Worker) -> None:
    """Finished stages are paid, the others are not; the run is closed."""
    made = create(db, user_id)
    worker.work(made["id"], "PREVIEW")
    set_status(db, made, "SUCCEEDED")
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("settle", -10, -35)]
    assert account(db, user_id) == (990, 0)
    assert slots_taken(db, "meshy") == 0
    assert job(db, made["id"])["progress"] == 100


def test_failing_by_hand_says_so(db: Database, user_id: UUID) -> None:
    """A reason is filled in where none was given, and one that was given is kept."""
    named, unnamed = create(db, user_id), create(db, user_id)
    set_status(db, unnamed, "FAILED")
    query = "update public.ai_jobs set status = 'FAILED', error_code = 'mine' where id = %s"
    db.admin.execute(query, named["id"])
    assert job(db, unnamed["id"])["error_code"] == "ended_by_operator"
    assert job(db, named["id"])["error_code"] == "mine"
    assert job(db, named["id"])["error_message"]


ALLOWED = {
    ("QUEUED", "IN_PROGRESS"),
    ("QUEUED", "FAILED"),
    ("QUEUED", "CANCELED"),
    ("IN_PROGRESS", "SUCCEEDED"),
    ("IN_PROGRESS", "FAILED"),
    ("IN_PROGRESS", "CANCELED"),
}
FORBIDDEN = [(a, b) for a in EVERY for b in EVERY if a != b and (a, b) not in ALLOWED]


@pytest.mark.parametrize(("status", "wanted"), FORBIDDEN)
def test_forbidden_ways(
    db: Database, user_id: UUID, worker: Worker, status: str, wanted: str
) -> None:
    """What the table of transitions does not name is refused, for everybody."""
    made = create(db, user_id)
    brought_to(db, worker, made, status)
    with leaves_nothing(db), refused("PT409") as refusal:
        set_status(db, made, wanted)
    assert refusal.detail == str(made["id"])
    assert refusal.hint


CHANGES_AFTERWARDS = (
    "progress = 1",
    "error_message = 'x'",
    "result_payload = '{}'",
    "finished_at = now()",
    "metadata = '{\"x\": 1}'",
    "deadline_at = null",
    "stage = 'RIG'",
)


@pytest.mark.parametrize("status", OVER)
def test_over_is_over(db: Database, user_id: UUID, worker: Worker, status: str) -> None:
    """Nothing of a job that ended is changed afterwards."""
    made = create(db, user_id)
    brought_to(db, worker, made, status)
    with leaves_nothing(db):
        for change in CHANGES_AFTERWARDS:
            with refused("PT409"):
                db.admin.execute(f"update public.ai_jobs set {change} where id = %s", made["id"])


CHANGES_OF_THE_REQUEST = (
    "credits_cost = 0",
    "stage_credits = '{0,0,0,0}'",
    "stages = '{DELIVER}'",
    "request_payload = '{}'",
    "provider = 'TRIPO'",
    "kind = 'x'",
    "user_id = gen_random_uuid()",
    "id = gen_random_uuid()",
    "created_at = now() - interval '1 day'",
)


def test_what_was_asked_for_never_changes(db: Database, user_id: UUID) -> None:
    """Nor what it costs, while the job lives."""
    made = create(db, user_id)
    with leaves_nothing(db):
        for change in CHANGES_OF_THE_REQUEST:
            with refused("PT409"):
                db.admin.execute(f"update public.ai_jobs set {change} where id = %s", made["id"])


def test_setting_the_same_status(db: Database, user_id: UUID) -> None:
    """Saving a row unchanged in a table editor settles nothing twice."""
    made = create(db, user_id)
    set_status(db, made, "QUEUED")
    set_status(db, made, "CANCELED")
    set_status(db, made, "CANCELED")
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("release", 0, -35)]


def test_ending_many_at_once(db: Database, user_id: UUID) -> None:
    """One statement over all jobs ends each of them properly."""
    for _ in range(3):
        create(db, user_id)
    db.admin.execute("update public.ai_jobs set status = 'CANCELED' where user_id = %s", user_id)
    assert account(db, user_id) == (1000, 0)
    assert waiting(db, "meshy") == []
    assert slots_taken(db, "meshy") == 0
