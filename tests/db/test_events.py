"""History: every change of state leaves a row that the user can read."""

from uuid import UUID

from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import new_worker, rich_user


def told(db: Database, job_id: UUID) -> list[tuple[str, str, str | None]]:
    query = "select * from public.ai_job_events where job_id = %s order by id"
    rows = db.admin.rows(query, job_id)
    return [(row["stage"], row["status"], row["provider_task_id"]) for row in rows]


def test_a_life_is_told_step_by_step(db: Database) -> None:
    """Creation, begin, each paid task, each next stage and the end are told, in order, once."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    run = worker.begin(job["id"], "PREVIEW")
    worker.submit(run, "task-1")
    worker.finish(run)
    worker.work(job["id"], "DELIVER")
    assert told(db, job["id"]) == [
        ("PREVIEW", "QUEUED", None),
        ("PREVIEW", "IN_PROGRESS", None),
        ("PREVIEW", "IN_PROGRESS", "task-1"),
        ("DELIVER", "IN_PROGRESS", None),
        ("DELIVER", "SUCCEEDED", None),
    ]


def test_a_failure_is_told_with_its_code(db: Database) -> None:
    """The event of a failed job names the error's code and shows nothing of the raw answer."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    worker.fail(worker.begin(job["id"], "PREVIEW"), "moderated")
    query = "select payload from public.ai_job_events where status = 'FAILED'"
    assert db.admin.value(query) == {"error_code": "moderated"}


def test_a_cancel_is_told_once(db: Database) -> None:
    """Canceling twice leaves one event."""
    user = rich_user(db)
    job = jobs.create(db, user)
    jobs.cancel(db, user, job["id"])
    jobs.cancel(db, user, job["id"])
    assert jobs.events(db, job["id"]) == [("PREVIEW", "QUEUED"), ("PREVIEW", "CANCELED")]


def test_a_status_set_by_hand_is_told_too(db: Database) -> None:
    """An operator's edit of the status leaves its event, because a trigger writes history."""
    job = jobs.create(db, rich_user(db))
    db.admin.execute("update public.ai_jobs set status = 'FAILED' where id = %s", job["id"])
    query = "select status, payload ->> 'error_code' as code from public.ai_job_events order by id"
    assert [tuple(row.values()) for row in db.admin.rows(query)] == [
        ("QUEUED", None),
        ("FAILED", "ended_by_operator"),
    ]


def test_progress_and_metadata_leave_no_event(db: Database) -> None:
    """A tick of progress is no change of state."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    run = worker.begin(job["id"], "PREVIEW")
    before = told(db, job["id"])
    worker.progress((run, 50))
    assert told(db, job["id"]) == before


def test_every_event_is_broadcast_to_its_user_alone(db: Database) -> None:
    """News of a job goes to the private topic of its user, and to no other."""
    user, other = rich_user(db), rich_user(db)
    job = jobs.create(db, user)
    jobs.create(db, other)
    jobs.cancel(db, user, job["id"])
    query = """
        select payload ->> 'status' as status, private from realtime.messages
        where topic = %s and event = 'job' order by inserted_at
    """
    news = [(row["status"], row["private"]) for row in db.admin.rows(query, f"user:{user}")]
    assert sorted(news) == [("CANCELED", True), ("QUEUED", True)]
    assert len(db.admin.rows(query, f"user:{other}")) == 1
