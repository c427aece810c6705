"""A webhook is a hint: it wakes the watcher, wherever it lives, and decides nothing."""

import pytest

from tests.support import jobs
from tests.support.channel import heard, listen
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import new_worker, rich_user


def hint(db: Database, task_id: str = "task-1", provider: str = "MESHY") -> bool:
    return bool(db.admin.value("select meshqueue.notify_task(%s, %s)", provider, task_id))


def kept(db: Database) -> list[str]:
    return db.admin.values("select task_id from meshqueue.hints order by task_id")


def submitting(db: Database, worker: Worker) -> Answer:
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(run)
    return run


def test_a_hint_before_the_commit_is_kept(db: Database) -> None:
    """A webhook that comes before its task is recorded is told to the worker that records it."""
    worker = new_worker(db)
    run = submitting(db, worker)
    assert hint(db) is False
    assert worker.submitted(run, 1, "task-1") == {"outcome": "ok", "hint_seen": True}
    assert kept(db) == []


def test_hints_fill_no_table(db: Database) -> None:
    """Who has a secret may name any number of tasks; what is looked through stays small."""
    db.admin.execute("""
        insert into meshqueue.hints (provider, task_id)
        select 'MESHY', 'made up ' || n from generate_series(1, 1000) n
    """)
    assert hint(db) is False
    assert len(kept(db)) == 1000
    db.admin.execute("update meshqueue.hints set seen_at = now() - interval '11 minutes'")
    hint(db)
    assert kept(db) == ["task-1"]


def test_hints_of_one_task_are_one(db: Database) -> None:
    """A provider that repeats its webhook leaves one hint."""
    hint(db)
    hint(db)
    assert kept(db) == ["task-1"]


def test_an_unknown_tasks_hint_is_kept_for_ten_minutes(db: Database) -> None:
    """A hint that nobody asks for is forgotten after ten minutes, not before."""
    for name, minutes in (("old", 11), ("young", 9)):
        hint(db, name)
        query = "update meshqueue.hints set seen_at = now() - make_interval(mins => %s)"
        db.admin.execute(f"{query} where task_id = %s", minutes, name)
    hint(db, "new")
    assert kept(db) == ["new", "young"]


def test_a_known_task_kicks_its_holder(db: Database) -> None:
    """The worker that watches the task is told by NOTIFY, with its run and attempt."""
    worker = new_worker(db)
    run = submitting(db, worker)
    worker.submitted(run, 1, "task-1")
    listener = listen(db)
    assert hint(db) is True
    (notice,) = heard(listener)
    assert (notice["type"], notice["run"]) == ("hint", run["run"])
    assert (notice["attempt"], notice["worker"]) == (1, str(worker.id))
    assert kept(db) == []


def test_a_hint_decides_nothing(db: Database) -> None:
    """The run, the job and the money stay as they are: the provider itself is asked."""
    worker = new_worker(db)
    run = submitting(db, worker)
    worker.submitted(run, 1, "task-1")
    before = jobs.run_of(db, run["job_id"], "PREVIEW"), jobs.job(db, run["job_id"])
    hint(db)
    assert (jobs.run_of(db, run["job_id"], "PREVIEW"), jobs.job(db, run["job_id"])) == before


@pytest.mark.parametrize("end", ["released", "finished"])
def test_a_task_that_nobody_watches_disturbs_nobody(db: Database, end: str) -> None:
    """A hint about a released or finished run is known, kept by nobody and told to nobody."""
    worker = new_worker(db)
    run = submitting(db, worker)
    worker.submitted(run, 1, "task-1")
    if end == "released":
        worker.release(run)
    else:
        worker.finish(run)
    listener = listen(db)
    assert hint(db) is True
    assert heard(listener) == []
    assert kept(db) == []


def test_a_draining_tasks_holder_is_kicked_too(db: Database) -> None:
    """The sooner a canceled job's task is seen to have ended, the sooner its slot is free."""
    worker = new_worker(db)
    run = submitting(db, worker)
    worker.submitted(run, 1, "task-1")
    jobs.set_status(db, run["job_id"], "CANCELED")
    listener = listen(db)
    assert hint(db) is True
    assert [notice["type"] for notice in heard(listener)] == ["hint"]


def test_another_providers_task_of_the_same_name_is_another(db: Database) -> None:
    """Task ids are compared within their provider."""
    worker = new_worker(db)
    run = submitting(db, worker)
    worker.submitted(run, 1, "task-1")
    assert hint(db, provider="TRIPO") is False
