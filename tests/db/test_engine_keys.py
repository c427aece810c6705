"""Providers show a task to the key that bought it, and may show it to no other."""

from datetime import timedelta
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user


@pytest.fixture
def buyer(db: Database) -> Worker:
    return new_worker(db, MESHY="the first key")


@pytest.fixture
def other(db: Database) -> Worker:
    return new_worker(db, MESHY="another key")


def wake(db: Database) -> None:
    db.admin.execute("update meshqueue.runs set wake_at = now() where state = 'held'")


def bought(db: Database, buyer: Worker) -> tuple[Row, Answer, str]:
    """A job whose first task is paid for, and which nobody holds."""
    job = jobs.create(db, rich_user(db))
    run = buyer.begin(job["id"], "PREVIEW")
    task = buyer.submit(run)
    buyer.release(run)
    return job, run, task


def where(db: Database, job_id: UUID, stage: str) -> tuple[str, str | None, UUID | None]:
    run = jobs.run_of(db, job_id, stage)
    return run["state"], run["held_for"], run["worker_id"]


def test_a_task_is_watched_with_the_key_that_bought_it(
    db: Database, buyer: Worker, other: Worker
) -> None:
    """While a worker with that key lives, it is that one's turn in a moment."""
    job, _, _ = bought(db, buyer)
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "other_key"}
    assert where(db, job["id"], "PREVIEW") == ("held", "other_key", None)
    assert jobs.wakeups(db, job["id"])[-1]["queue"] == "stages_meshy_the first key"
    wake(db)
    begun = buyer.begin(job["id"], "PREVIEW")
    assert (begun["outcome"], begun["submission"]["other_key"]) == ("begun", False)


def test_without_that_key_anybody_may_look(db: Database, buyer: Worker, other: Worker) -> None:
    """A new key of the same account may see everything; the worker knows that it may not."""
    job, _, _ = bought(db, buyer)
    buyer.heartbeat(leaving=True)
    begun = other.begin(job["id"], "PREVIEW")
    assert (begun["outcome"], begun["submission"]["other_key"]) == ("begun", True)


def test_what_builds_on_a_task_needs_its_key(db: Database, buyer: Worker, other: Worker) -> None:
    """The next stage, and the delivery; what another key bought is named to whoever begins it."""
    job, _, task = bought(db, buyer)
    buyer.finish(buyer.begin(job["id"], "PREVIEW"))
    assert other.begin(job["id"], "REFINE") == {"outcome": "other_key"}
    buyer.heartbeat(leaving=True)
    wake(db)
    begun = other.begin(job["id"], "REFINE")
    assert (begun["outcome"], begun["other_keys"]) == ("begun", [task])


def test_the_last_task_decides(db: Database, buyer: Worker, other: Worker) -> None:
    """A job that has tasks of two keys is no riddle without an answer for two workers."""
    job, _, _ = bought(db, buyer)
    buyer.finish(buyer.begin(job["id"], "PREVIEW"))
    buyer.heartbeat(leaving=True)
    refine = other.begin(job["id"], "REFINE")
    other.submit(refine)
    other.release(refine)
    buyer.heartbeat()
    assert buyer.begin(job["id"], "REFINE") == {"outcome": "other_key"}
    wake(db)
    assert other.begin(job["id"], "REFINE")["outcome"] == "begun"


def test_a_retry_builds_on_what_it_inherits(db: Database, buyer: Worker, other: Worker) -> None:
    """The earlier job's task belongs to the same key in the job that goes on with it."""
    user = rich_user(db)
    job = jobs.create(db, user)
    run = buyer.begin(job["id"], "PREVIEW")
    task = buyer.submit(run)
    buyer.finish(run, {"tasks": [{"step": "preview", "resource": "text-to-3d", "id": task}]})
    jobs.set_setting(db, "deliver_best", "false")
    buyer.fail(buyer.begin(job["id"], "REFINE"))
    with db.user(user) as client:
        retry = client.row("select * from public.retry_ai_job(%s)", job["id"])
    assert other.begin(retry["id"], "REFINE") == {"outcome": "other_key"}


def test_a_draining_task_is_seen_to_its_end_by_its_key(
    db: Database, buyer: Worker, other: Worker
) -> None:
    """It goes on draining meanwhile, and keeps its slot."""
    job, _, _ = bought(db, buyer)
    jobs.cancel(db, job["user_id"], job["id"])
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "other_key"}
    assert where(db, job["id"], "PREVIEW") == ("draining", None, None)
    assert jobs.slots_taken(db, "meshy") == 1
    assert buyer.begin(job["id"], "PREVIEW")["outcome"] == "draining"


def test_a_dead_holders_run_goes_to_its_key(db: Database, buyer: Worker, other: Worker) -> None:
    """Who may rescue it, but has another key, leaves it to one that has the right one."""
    job = jobs.create(db, rich_user(db))
    buyer.submit(buyer.begin(job["id"], "PREVIEW"))
    query = "update meshqueue.workers set seen_at = now() - interval '31 seconds' where id = %s"
    db.admin.execute(query, buyer.id)
    sibling = new_worker(db, **buyer.serves)
    db.admin.execute("update meshqueue.workers set unbroken_since = now() - interval '1 minute'")
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "other_key"}
    assert where(db, job["id"], "PREVIEW") == ("held", "other_key", None)
    wake(db)
    assert sibling.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_a_refused_key_sees_nothing(db: Database, buyer: Worker, other: Worker) -> None:
    """The provider refuses it: whoever has another key may find that it sees the task."""
    job, _, _ = bought(db, buyer)
    pause = "select meshqueue.pause_provider('MESHY', 'the first key', 'unauthorised')"
    db.admin.execute(pause)
    assert other.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_what_builds_on_a_paused_key_is_looked_at_now_and_then(
    db: Database, buyer: Worker, other: Worker
) -> None:
    """It is nobody else's: every two seconds it would go to and fro between the keys."""
    job, _, _ = bought(db, buyer)
    buyer.finish(buyer.begin(job["id"], "PREVIEW"))
    db.admin.execute("select meshqueue.pause_provider('MESHY', 'the first key', 'out_of_credit')")
    assert other.begin(job["id"], "REFINE") == {"outcome": "other_key"}
    assert buyer.begin(job["id"], "REFINE") == {"outcome": "key_paused"}
    left = "select wake_at - now() from meshqueue.runs where stage = 'REFINE'"
    assert db.admin.value(left) > timedelta(seconds=20)


def test_a_task_of_an_unknown_key_is_anybodys(db: Database, buyer: Worker, other: Worker) -> None:
    """Those of before: nobody wrote down which key bought them."""
    job, _, _ = bought(db, buyer)
    db.admin.execute("update meshqueue.submissions set key = null")
    begun = other.begin(job["id"], "PREVIEW")
    assert (begun["outcome"], begun["submission"]["other_key"]) == ("begun", False)


def test_a_task_that_another_key_finds_is_its_own(
    db: Database, buyer: Worker, other: Worker
) -> None:
    """Whose list shows a lost request's task can watch it."""
    job = jobs.create(db, rich_user(db))
    run = buyer.begin(job["id"], "PREVIEW")
    buyer.submitting(run)
    buyer.lost(run)
    buyer.release(run)
    buyer.heartbeat(leaving=True)
    other.adopt(other.begin(job["id"], "PREVIEW"), 1, "found")
    keys = db.admin.values("select key from meshqueue.submissions")
    assert keys == ["another key"]


def test_a_wakeup_for_a_key_that_went_is_anybodys(
    db: Database, buyer: Worker, other: Worker
) -> None:
    """Its worker leaves before it reads it: whoever is left is woken, and may begin."""
    job, _, _ = bought(db, buyer)
    assert other.begin(job["id"], "PREVIEW") == {"outcome": "other_key"}
    late = "update meshqueue.runs set wake_at = now() - interval '31 seconds'"
    db.admin.execute(late)
    db.admin.execute("delete from procrastinate.procrastinate_jobs where queue_name !~ 'key'")
    other.rescue()
    assert [wakeup["queue"] for wakeup in jobs.wakeups(db, job["id"])] == [
        "stages_meshy_the first key"
    ]
    buyer.heartbeat(leaving=True)
    other.rescue()
    assert [wakeup["queue"] for wakeup in jobs.wakeups(db, job["id"])] == ["stages_meshy"]
    assert other.begin(job["id"], "PREVIEW")["outcome"] == "begun"
