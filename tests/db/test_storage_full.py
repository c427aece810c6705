"""Storage that is full: deliveries wait, one tries from time to time, nothing paid for fails."""

from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user

FULL = {"outcome": "storage_full"}
WAKEUPS = """
    select count(*) from procrastinate.procrastinate_jobs where task_name = 'deliver'
"""


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


def to_deliver(db: Database, worker: Worker, **more: object) -> Row:
    job = jobs.create(db, rich_user(db), {**jobs.PREVIEW_ONLY, **more})
    worker.work(job["id"], "PREVIEW")
    return job


def probe_is_due(db: Database) -> None:
    db.admin.execute("update meshqueue.delivery_pause set probe_at = now()")


def held_for(db: Database, job: Row) -> tuple[str, str]:
    run = jobs.run_of(db, job["id"], "DELIVER")
    return run["state"], run["held_for"]


def kinds(db: Database) -> list[str]:
    return db.admin.values("select kind from meshqueue.incidents order by id")


def test_nothing_is_handed_out(db: Database, worker: Worker) -> None:
    """Deliveries are held while it lasts; other stages go on."""
    job = to_deliver(db, worker)
    assert [worker.pause_deliveries() for _ in range(2)] == [True, False]
    assert worker.begin_delivery(job["id"]) == FULL
    assert held_for(db, job) == ("held", "storage_full")
    to_deliver(db, worker)


def test_what_stores_nothing_waits_for_no_room(db: Database, worker: Worker) -> None:
    """Its owner gets the provider's links, which die soon; and it is no probe of the storage."""
    job = to_deliver(db, worker, store_assets=False)
    worker.pause_deliveries()
    probe_is_due(db)
    assert worker.begin_delivery(job["id"])["outcome"] == "begun"
    assert worker.begin_delivery(to_deliver(db, worker)["id"])["probe"] is True


def test_one_that_never_comes_to_store_leaves_the_others_their_turns(
    db: Database, worker: Worker
) -> None:
    """Its provider is away, say: it is the oldest for ever, and tells nothing of the storage."""
    to_come = [to_deliver(db, worker)["id"] for _ in range(3)]
    worker.pause_deliveries()
    assert [worker.begin_delivery(job) for job in to_come] == [FULL] * 3
    tried: list[UUID] = []
    for _ in range(3):
        probe_is_due(db)
        worker.rescue()
        [job] = db.admin.values("select job_id from meshqueue.runs where state = 'ready'")
        worker.wait(worker.begin_delivery(job), "unavailable")
        db.admin.execute("update meshqueue.runs set wake_at = now() where wake_at is not null")
        assert worker.begin_delivery(job) == FULL
        tried.append(job)
    assert tried == to_come


def test_operators_see_it(db: Database, worker: Worker) -> None:
    """Health shows why and since when; an incident tells of its beginning and its end."""
    worker.pause_deliveries("quota")
    shown = worker.session.value("select meshqueue.health()")["deliveries_paused"]
    assert (shown["reason"], shown["detail"]) == ("quota", {"status": 402})
    assert [worker.resume_deliveries() for _ in range(2)] == [True, False]
    assert kinds(db) == ["deliveries_paused", "deliveries_resumed"]
    assert worker.session.value("select meshqueue.health()")["deliveries_paused"] is None


def test_one_tries_every_five_minutes(db: Database, worker: Worker) -> None:
    """The first to come when it is time is told that it is a probe, the others wait on."""
    first, second = to_deliver(db, worker), to_deliver(db, worker)
    worker.pause_deliveries()
    assert worker.begin_delivery(first["id"]) == FULL
    probe_is_due(db)
    run = worker.begin_delivery(second["id"])
    assert (run["outcome"], run["probe"]) == ("begun", True)
    assert worker.begin_delivery(first["id"]) == FULL
    worker.wait(run, "storage")
    db.admin.execute("update meshqueue.runs set wake_at = now() where wake_at is not null")
    assert worker.begin_delivery(second["id"]) == FULL


def test_the_longest_waiting_is_woken_to_try(db: Database, worker: Worker) -> None:
    """When it is time, upkeep wakes one of those that wait; before, it wakes none."""
    waiting = [to_deliver(db, worker) for _ in range(2)]
    worker.pause_deliveries()
    for job in waiting:
        worker.begin_delivery(job["id"])
    before = db.admin.value(WAKEUPS)
    worker.rescue()
    assert db.admin.value(WAKEUPS) == before
    probe_is_due(db)
    worker.rescue()
    assert db.admin.value(WAKEUPS) == before + 1
    assert jobs.run_of(db, waiting[0]["id"], "DELIVER")["state"] == "ready"
    assert worker.begin_delivery(waiting[0]["id"])["probe"] is True


def test_a_probe_whose_worker_dies(db: Database, worker: Worker) -> None:
    """It is handed out again as any other run, and nobody waits for it."""
    job = to_deliver(db, worker)
    worker.pause_deliveries()
    probe_is_due(db)
    run = worker.begin_delivery(job["id"])
    worker.release(run)
    assert worker.begin_delivery(job["id"]) == FULL
    probe_is_due(db)
    assert worker.begin_delivery(job["id"])["attempt"] == 2


def test_after_it_all_go_on(db: Database, worker: Worker) -> None:
    """Whoever waited is woken at once, and delivers."""
    waiting = [to_deliver(db, worker) for _ in range(3)]
    worker.pause_deliveries()
    for job in waiting:
        worker.begin_delivery(job["id"])
    worker.resume_deliveries()
    for job in waiting:
        run = worker.begin_delivery(job["id"])
        assert run["probe"] is False
        assert worker.finish_delivery(run) == {"outcome": "ok"}


def test_held_at_the_moment_of_the_end(db: Database, worker: Worker) -> None:
    """A run that was held just as the pause ended is found by upkeep."""
    job = to_deliver(db, worker)
    worker.pause_deliveries()
    worker.begin_delivery(job["id"])
    db.admin.execute("delete from meshqueue.delivery_pause")
    db.admin.execute("delete from procrastinate.procrastinate_jobs")
    assert worker.rescue()["woken"] == 1
    assert worker.begin_delivery(job["id"])["outcome"] == "begun"


def overdue(db: Database, job: Row) -> None:
    query = "update public.ai_jobs set deadline_at = now() - interval '1 minute' where id = %s"
    db.admin.execute(query, job["id"])


def test_nothing_paid_for_fails(db: Database, worker: Worker) -> None:
    """No delivery expires under the pause; afterwards it has the time that it had before."""
    job = to_deliver(db, worker)
    worker.begin_delivery(job["id"])
    worker.pause_deliveries()
    an_hour_ago = "now() - interval '1 hour'"
    db.admin.execute(f"update meshqueue.delivery_pause set since = {an_hour_ago}")
    db.admin.execute("update meshqueue.runs set created_at = now() - interval '2 hours'")
    overdue(db, job)
    assert db.admin.value("select meshqueue.expire_jobs()") == 0
    worker.resume_deliveries()
    assert db.admin.value("select meshqueue.expire_jobs()") == 0
    left = "select round(extract(epoch from deadline_at - now()) / 60) from public.ai_jobs"
    assert db.admin.value(left) == 59


def test_a_delivery_that_came_under_the_pause(db: Database, worker: Worker) -> None:
    """Its time is stretched by its own share of the pause, no more."""
    worker.pause_deliveries()
    job = to_deliver(db, worker)
    db.admin.execute("update meshqueue.delivery_pause set since = now() - interval '1 day'")
    before = jobs.job(db, job["id"])["deadline_at"]
    worker.resume_deliveries()
    assert (jobs.job(db, job["id"])["deadline_at"] - before).total_seconds() < 60


def test_a_waiting_delivery_can_be_canceled(db: Database, worker: Worker) -> None:
    """A user who does not want to wait gets the credits back, as always."""
    job = to_deliver(db, worker)
    worker.pause_deliveries()
    worker.begin_delivery(job["id"])
    jobs.cancel(db, job["user_id"], job["id"])
    assert jobs.ledger(db, job["id"])[-1] == ("release", 0, -10)
    worker.resume_deliveries()
    assert worker.begin_delivery(job["id"]) == {"outcome": "over"}


def test_who_asks_again_is_no_second_probe(db: Database, worker: Worker) -> None:
    """A worker whose begin was never answered still has its run."""
    job = to_deliver(db, worker)
    run: Answer = worker.begin_delivery(job["id"])
    worker.pause_deliveries()
    query = "select meshqueue.begin_stage(%s, 'DELIVER', %s, true)"
    answer = worker.session.value(query, UUID(run["job_id"]), worker.id)
    assert (answer["outcome"], answer["attempt"]) == ("begun", 2)
