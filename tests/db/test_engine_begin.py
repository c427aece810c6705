"""Who may take a run, and what those learn who may not."""

from uuid import UUID, uuid4

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user


def lapse(db: Database, worker: Worker) -> None:
    """Its last heartbeat was a lease's length ago, while the others were there all the time."""
    query = "update meshqueue.workers set seen_at = now() - interval '31 seconds' where id = %s"
    db.admin.execute(query, worker.id)
    earlier = "now() - interval '1 minute'"
    db.admin.execute(f"update meshqueue.workers set unbroken_since = {earlier}")


def begun_job(db: Database, worker: Worker) -> tuple[Row, Answer]:
    job = jobs.create(db, rich_user(db))
    return job, worker.begin(job["id"], "PREVIEW")


def submission(db: Database, run: Answer) -> Row:
    query = "select * from meshqueue.submissions where run_id = %s order by n desc limit 1"
    return db.admin.row(query, run["run"])


def test_a_live_holder_keeps_its_run(db: Database) -> None:
    """A second wake-up can't steal a run from a worker that lives, not even for that worker."""
    holder, other = new_worker(db), new_worker(db)
    job, _ = begun_job(db, holder)
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "busy"}
    assert holder.begin(job["id"], "PREVIEW") == {"outcome": "busy"}
    assert jobs.run_of(db, job["id"], "PREVIEW")["attempt"] == 1


def test_a_lapsed_holder_loses_its_run(db: Database) -> None:
    """Whose lease lapsed is fenced off: the next worker takes the run with a higher attempt."""
    holder, other = new_worker(db), new_worker(db)
    job, run = begun_job(db, holder)
    lapse(db, holder)
    taken = other.begin(job["id"], "PREVIEW")
    assert (taken["outcome"], taken["attempt"]) == ("begun", 2)
    assert holder.finish(run) == {"outcome": "fenced"}


def test_who_came_just_now_takes_nothing(db: Database) -> None:
    """After an outage all leases have lapsed: the holder first has the chance to say it lives."""
    holder, other = new_worker(db), new_worker(db)
    job, _ = begun_job(db, holder)
    lapse(db, holder)
    db.admin.execute("update meshqueue.workers set unbroken_since = now()")
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "busy"}


def test_an_answer_that_was_never_heard(db: Database) -> None:
    """A worker whose begin was lost on the way may ask again, and only for its own run."""
    worker, other = new_worker(db), new_worker(db)
    job, _ = begun_job(db, worker)
    again = "select meshqueue.begin_stage(%s, 'PREVIEW', %s, again => true)"
    assert db.admin.value(again, job["id"], other.id) == {"outcome": "busy"}
    answer = db.admin.value(again, job["id"], worker.id)
    assert (answer["outcome"], answer["attempt"]) == ("begun", 2)


def test_a_worker_that_left_loses_its_runs(db: Database) -> None:
    """A worker that said it leaves holds nothing any more."""
    holder, other = new_worker(db), new_worker(db)
    job, _ = begun_job(db, holder)
    holder.heartbeat(leaving=True)
    assert other.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_a_finished_run_is_over(db: Database) -> None:
    """A wake-up for a finished stage, an ended job or none at all is a no-op."""
    worker, user = new_worker(db), rich_user(db)
    job, canceled = jobs.create(db, user), jobs.create(db, user)
    worker.work(job["id"], "PREVIEW")
    jobs.cancel(db, user, canceled["id"])
    over = {"outcome": "over"}
    assert worker.begin(job["id"], "PREVIEW") == over
    assert worker.begin(canceled["id"], "PREVIEW") == over
    assert worker.begin(job["id"], "DELIVER") == over
    assert worker.begin(uuid4(), "PREVIEW") == over


def test_a_held_run_is_begun_when_its_time_has_come(db: Database) -> None:
    """A run that waits for a time is refused as early, and begun once the time has come."""
    worker = new_worker(db)
    job, run = begun_job(db, worker)
    worker.wait(run)
    assert worker.begin(job["id"], "PREVIEW") == {"outcome": "early"}
    db.admin.execute("update meshqueue.runs set wake_at = now()")
    assert worker.begin(job["id"], "PREVIEW")["attempt"] == 2


def test_a_stale_worker_begins_nothing(db: Database) -> None:
    """Who never sent a heartbeat, or not for a lease's length, may not take a run."""
    stranger, lapsed = Worker(db.postgres()), new_worker(db)
    lapse(db, lapsed)
    job = jobs.create(db, rich_user(db))
    assert stranger.begin(job["id"], "PREVIEW") == {"outcome": "stale_worker"}
    assert lapsed.begin(job["id"], "PREVIEW") == {"outcome": "stale_worker"}
    lapsed.heartbeat()
    assert lapsed.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_a_dead_holders_request_is_lost(db: Database) -> None:
    """What a dead worker was sending may have been accepted: it becomes lost, never sent again."""
    holder, other = new_worker(db), new_worker(db)
    job, run = begun_job(db, holder)
    holder.submitting(run, content={"prompt": "x"})
    lapse(db, holder)
    taken = other.begin(job["id"], "PREVIEW")
    left = taken["submission"]
    assert (left["outcome"], left["n"], left["content"]) == ("lost", 1, {"prompt": "x"})
    assert left["gave_up_at"] is not None
    assert other.submitting(taken)["outcome"] == "unresolved"


def test_a_dead_holders_task_is_watched_on(db: Database) -> None:
    """The next worker gets the id of the paid task and submits nothing."""
    holder, other = new_worker(db), new_worker(db)
    job, run = begun_job(db, holder)
    task = holder.submit(run)
    lapse(db, holder)
    taken = other.begin(job["id"], "PREVIEW")
    assert (taken["submission"]["outcome"], taken["submission"]["task_id"]) == ("accepted", task)
    assert other.finish(taken)["outcome"] == "ok"


def test_a_draining_run_is_begun_as_draining(db: Database) -> None:
    """Who takes the run of a canceled job learns that there is a task to see to its end."""
    user, holder, other = rich_user(db), new_worker(db), new_worker(db)
    job = jobs.create(db, user)
    task = holder.submit(holder.begin(job["id"], "PREVIEW"))
    jobs.cancel(db, user, job["id"])
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "busy"}
    lapse(db, holder)
    taken = other.begin(job["id"], "PREVIEW")
    assert (taken["outcome"], taken["submission"]["task_id"]) == ("draining", task)


def test_a_draining_run_outlives_its_job_row(db: Database) -> None:
    """When the user was deleted, what the provider still works on can be seen to its end."""
    user, holder, other = rich_user(db), new_worker(db), new_worker(db)
    job = jobs.create(db, user)
    holder.submit(holder.begin(job["id"], "PREVIEW"))
    delete_user(db, user)
    lapse(db, holder)
    taken = other.begin(job["id"], "PREVIEW")
    assert taken["outcome"] == "draining"
    assert other.end_draining(taken) == {"outcome": "ok"}
    assert jobs.slots_taken(db, "meshy") == 0


def delete_user(db: Database, user_id: UUID) -> None:
    db.admin.execute("delete from auth.users where id = %s", user_id)


def test_beginning_starts_the_job_once(db: Database) -> None:
    """The job is under way from the first begin, however often its runs change hands."""
    holder, other = new_worker(db), new_worker(db)
    job, run = begun_job(db, holder)
    started = jobs.job(db, job["id"])
    holder.release(run)
    other.begin(job["id"], "PREVIEW")
    again = jobs.job(db, job["id"])
    assert started["status"] == "IN_PROGRESS"
    assert (again["started_at"], again["deadline_at"]) == (
        started["started_at"],
        started["deadline_at"],
    )
