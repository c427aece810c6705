"""The fence: whoever does not hold a run decides nothing about it, and what they know is kept."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user

Decision = Callable[[Worker, Answer], object]

LONG_AGO = datetime.now(UTC) - timedelta(minutes=1)
FENCED = {"outcome": "fenced"}

DECISIONS: dict[str, Decision] = {
    "record_submitting": lambda worker, run: worker.submitting(run),
    "record_absent": lambda worker, run: worker.absent(run, 1),
    "adopt_task": lambda worker, run: worker.adopt(run, 1, "task-1"),
    "wait_stage": lambda worker, run: worker.wait(run),
    "retry_stage": lambda worker, run: worker.retry(run),
    "finish_task": lambda worker, run: worker.finish_task(run),
    "finish_stage": lambda worker, run: worker.finish(run),
    "fail_stage": lambda worker, run: worker.fail(run),
    "fail_stage, task alive": lambda worker, run: worker.fail(run, task_ended=False),
    "intend_objects": lambda worker, run: {"outcome": worker.intend(run)},
    "finish_delivery": lambda worker, run: worker.finish_delivery(run),
    "end_draining": lambda worker, run: worker.end_draining(run),
    "record_progress": lambda worker, run: worker.progress((run, 50)),
    "release_stage": lambda worker, run: worker.release(run),
}


def decide(name: str, worker: Worker, run: Answer) -> object:
    return DECISIONS[name](worker, run)


def all_fenced(db: Database, worker: Worker, run: Answer) -> None:
    """Whatever is decided, the answer says that it does not count, and not a row changes."""
    before = everything(db)
    for name in DECISIONS:
        assert decide(name, worker, run) == refusal(name, run), name
        assert everything(db) == before, name


def refusal(name: str, run: Answer) -> object:
    """What the function answers to a stranger."""
    return {"record_progress": [run["run"]], "release_stage": 0}.get(name, FENCED)


def everything(db: Database) -> list[Row]:
    """Every row that the engine decides on."""
    tables = (
        "meshqueue.runs",
        "meshqueue.submissions",
        "meshqueue.slots",
        "meshqueue.waiting",
        "meshqueue.intents",
        "public.ai_jobs",
        "public.ai_job_events",
        "public.credit_ledger",
        "procrastinate.procrastinate_jobs",
    )
    rows = " union all ".join(f"select '{t}', to_jsonb(t) as row from {t} t" for t in tables)
    return db.admin.rows(f"select * from ({rows}) r order by 1, 2")


def with_a_lost_request(db: Database, worker: Worker) -> Answer:
    """The state in which most decisions would have something to decide."""
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(run)
    worker.lost(run)
    db.admin.execute("update meshqueue.submissions set gave_up_at = now() - interval '2 minutes'")
    return run


def lapse(db: Database, worker: Worker) -> None:
    query = "update meshqueue.workers set seen_at = now() - interval '1 minute' where id = %s"
    db.admin.execute(query, worker.id)


def test_a_stale_attempt_decides_nothing(db: Database) -> None:
    """Who was thought dead and returns changes nothing, even when it took the run again itself."""
    worker = new_worker(db)
    run = with_a_lost_request(db, worker)
    lapse(db, worker)
    worker.heartbeat()
    worker.release(run)
    assert worker.begin(run["job_id"], "PREVIEW")["attempt"] == 2
    all_fenced(db, worker, run)


def test_another_worker_decides_nothing(db: Database) -> None:
    """The attempt alone is no leave: it must be the worker that holds the run."""
    holder, other = new_worker(db), new_worker(db)
    run = with_a_lost_request(db, holder)
    all_fenced(db, other, run)


def test_nothing_is_decided_about_a_released_run(db: Database) -> None:
    """Who gave a run back has no say in it, though the attempt still matches."""
    worker = new_worker(db)
    run = with_a_lost_request(db, worker)
    worker.release(run)
    all_fenced(db, worker, run)


def test_nothing_is_decided_about_a_finished_run(db: Database) -> None:
    """A run that is done stays done."""
    worker = new_worker(db)
    run = worker.work(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    all_fenced(db, worker, run)


def test_nothing_is_decided_about_an_ended_job(db: Database) -> None:
    """A job that failed stays failed, whatever its last worker says."""
    worker = new_worker(db)
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.fail(run)
    all_fenced(db, worker, run)


def test_nothing_is_decided_about_an_unknown_run(db: Database) -> None:
    """A run that never was, or is long purged, is refused as any other that is not yours."""
    worker = new_worker(db)
    run = {"run": 0, "attempt": 1, "user_id": str(uuid4()), "job_id": str(uuid4())}
    all_fenced(db, worker, run)


DRAINING: dict[str, tuple[object, str]] = {
    "record_submitting": ({"outcome": "draining"}, "draining"),
    "record_absent": ({"outcome": "draining"}, "draining"),
    "adopt_task": ({"outcome": "draining"}, "draining"),
    "wait_stage": ({"outcome": "draining"}, "draining"),
    "retry_stage": ({"outcome": "over"}, "canceled"),
    "finish_task": ({"outcome": "over"}, "canceled"),
    "finish_stage": ({"outcome": "over"}, "canceled"),
    "fail_stage": ({"outcome": "over"}, "canceled"),
    "fail_stage, task alive": ({"outcome": "draining"}, "draining"),
    "intend_objects": (FENCED, "draining"),
    "finish_delivery": (FENCED, "draining"),
    "end_draining": ({"outcome": "ok"}, "canceled"),
}


@pytest.mark.parametrize("name", DRAINING)
def test_a_draining_run_only_ends(db: Database, name: str) -> None:
    """After a cancel the holder learns to drain; nothing that it does revives the job."""
    worker = new_worker(db)
    run = with_a_lost_request(db, worker)
    if name in ("finish_stage", "finish_task"):
        worker.adopt(run, 1, "task-1")  # only a task can succeed
    jobs.set_status(db, run["job_id"], "CANCELED")
    answer, state = DRAINING[name]
    assert decide(name, worker, run) == answer
    assert jobs.run_of(db, run["job_id"], "PREVIEW")["state"] == state
    assert jobs.job(db, run["job_id"])["status"] == "CANCELED"
    assert jobs.slots_taken(db, "meshy") == (1 if state == "draining" else 0)


def test_a_draining_run_tells_no_progress(db: Database) -> None:
    """The progress of a task that nobody waits for is not told; the caller learns it is over."""
    worker = new_worker(db)
    run = with_a_lost_request(db, worker)
    jobs.set_status(db, run["job_id"], "CANCELED")
    assert worker.progress((run, 50)) == [run["run"]]
    assert jobs.run_of(db, run["job_id"], "PREVIEW")["progress"] == 0


def test_end_draining_does_not_end_a_running_run(db: Database) -> None:
    """A run that its job still needs is not drained: its task and its slot stay."""
    worker = new_worker(db)
    run = with_a_lost_request(db, worker)
    before = everything(db)
    assert worker.end_draining(run) == {"outcome": "running"}
    assert everything(db) == before


FACTS: dict[str, tuple[Decision, str]] = {
    "record_submitted": (lambda worker, run: worker.submitted(run, 1, "task-1"), "accepted"),
    "record_refused": (lambda worker, run: worker.refused(run), "refused"),
    "record_lost": (lambda worker, run: worker.lost(run), "lost"),
}
every_fact = pytest.mark.parametrize("name", FACTS)


def sending(db: Database, worker: Worker) -> Answer:
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(run)
    return run


def outcome(db: Database) -> str:
    return str(db.admin.value("select outcome from meshqueue.submissions"))


@every_fact
def test_what_another_worker_knows_is_recorded(db: Database, name: str) -> None:
    """What became of a paid request is written down, whoever says it."""
    tell, becomes = FACTS[name]
    run = sending(db, new_worker(db))
    assert tell(new_worker(db), run) == tell_ok(name)
    assert outcome(db) == becomes


@every_fact
def test_what_a_stale_worker_knows_is_recorded(db: Database, name: str) -> None:
    """A worker that lost its run still has its paid request written down."""
    tell, becomes = FACTS[name]
    holder, other = new_worker(db), new_worker(db)
    run = sending(db, holder)
    holder.release(run)
    lapse(db, holder)
    assert tell(holder, run) == tell_ok(name)
    assert other.begin(run["job_id"], "PREVIEW")["submission"]["outcome"] == becomes


@every_fact
def test_what_is_known_of_a_canceled_jobs_request_is_recorded(db: Database, name: str) -> None:
    """After a cancel the answer to a request on its way is still written down."""
    tell, becomes = FACTS[name]
    worker = new_worker(db)
    run = sending(db, worker)
    jobs.set_status(db, run["job_id"], "CANCELED")
    assert tell(worker, run) == tell_ok(name)
    assert outcome(db) == becomes
    assert jobs.run_of(db, run["job_id"], "PREVIEW")["state"] == "draining"


def tell_ok(name: str) -> Answer:
    hint = {"hint_seen": False} if name == "record_submitted" else {}
    return {"outcome": "ok", **hint}
