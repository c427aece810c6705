"""Whatever dies, the work goes on: leases, rescue, wake-ups that were lost."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import new_worker, rich_user


def age(db: Database, worker: Worker) -> None:
    """It has sent heartbeats without a gap for longer than a lease."""
    query = """
        update meshqueue.workers set unbroken_since = now() - interval '31 seconds' where id = %s
    """
    db.admin.execute(query, worker.id)


def old_worker(db: Database) -> Worker:
    worker = new_worker(db)
    age(db, worker)
    return worker


def die(db: Database, worker: Worker) -> None:
    query = "update meshqueue.workers set seen_at = now() - interval '31 seconds' where id = %s"
    db.admin.execute(query, worker.id)


def begun(db: Database, worker: Worker) -> Answer:
    return worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")


def state(db: Database, run: Answer) -> tuple[str, UUID | None]:
    query = "select state, worker_id from meshqueue.runs where id = %s"
    state, holder = db.admin.row(query, run["run"]).values()
    return state, holder


def queue_length(db: Database) -> int:
    return int(db.admin.value("select count(*) from procrastinate.procrastinate_jobs"))


def lose_wakeups(db: Database, seconds: int = 31) -> None:
    """Nothing is left in the queue, and the runs have been waiting for that long."""
    db.admin.execute("delete from procrastinate.procrastinate_jobs")
    query = "update meshqueue.runs set wake_at = wake_at - make_interval(secs => %s)"
    db.admin.execute(query, seconds)


def test_a_dead_workers_runs_are_handed_out(db: Database) -> None:
    """The runs of a worker that fell silent for a lease's length get a wake-up for another."""
    dead, rescuer = new_worker(db), old_worker(db)
    runs = [begun(db, dead), begun(db, dead)]
    die(db, dead)
    before = queue_length(db)
    assert rescuer.rescue() == {"rescued": 2, "woken": 0}
    assert [state(db, run) for run in runs] == [("ready", None)] * 2
    assert queue_length(db) == before + 2
    assert rescuer.rescue() == {"rescued": 0, "woken": 0}


def test_a_living_workers_runs_are_never_touched(db: Database) -> None:
    """A worker whose heartbeats come keeps its runs."""
    alive, rescuer = new_worker(db), old_worker(db)
    run = begun(db, alive)
    assert rescuer.rescue() == {"rescued": 0, "woken": 0}
    assert state(db, run) == ("running", alive.id)


def test_a_worker_that_left_is_not_waited_for(db: Database) -> None:
    """What a worker still held when it said goodbye is handed out at once."""
    leaver, rescuer = new_worker(db), old_worker(db)
    run = begun(db, leaver)
    leaver.heartbeat(leaving=True)
    assert rescuer.rescue()["rescued"] == 1
    assert state(db, run) == ("ready", None)


def test_a_young_worker_rescues_nobody(db: Database) -> None:
    """Within a lease's length of its start a worker can't tell who is dead."""
    dead, young = new_worker(db), new_worker(db)
    run = begun(db, dead)
    die(db, dead)
    assert young.rescue()["rescued"] == 0
    assert state(db, run) == ("running", dead.id)


def test_after_an_outage_nobody_rescues_for_a_lease(db: Database) -> None:
    """When all leases lapsed together, holders get the time to come back before anybody rescues."""
    holder, rescuer = new_worker(db), old_worker(db)
    run = begun(db, holder)
    die(db, holder)
    die(db, rescuer)
    assert rescuer.rescue()["rescued"] == 0
    rescuer.heartbeat()
    assert rescuer.rescue()["rescued"] == 0
    holder.heartbeat()
    age(db, rescuer)
    assert rescuer.rescue()["rescued"] == 0
    assert state(db, run) == ("running", holder.id)


def test_unbroken_heartbeats_are_counted_from_the_first(db: Database) -> None:
    """A heartbeat in time keeps the age; one after a gap begins it anew."""
    worker = old_worker(db)
    first = datetime.fromisoformat(str(worker.heartbeat()["unbroken_since"]))
    assert (datetime.now(UTC) - first).total_seconds() > 30
    die(db, worker)
    again = datetime.fromisoformat(str(worker.heartbeat()["unbroken_since"]))
    assert (datetime.now(UTC) - again).total_seconds() < 30


def test_a_dead_workers_draining_run_drains_on(db: Database) -> None:
    """A task to be seen to its end finds a new watcher, and keeps its slot until then."""
    dead, rescuer = new_worker(db), old_worker(db)
    run = begun(db, dead)
    dead.submit(run)
    jobs.set_status(db, run["job_id"], "CANCELED")
    die(db, dead)
    assert rescuer.rescue()["rescued"] == 1
    assert state(db, run) == ("draining", None)
    assert jobs.slots_taken(db, "meshy") == 1
    assert rescuer.begin(run["job_id"], "PREVIEW")["outcome"] == "draining"


def test_a_forgotten_run_gets_a_new_wakeup(db: Database) -> None:
    """A ready run whose wake-up was lost is woken again after 30 s, by any worker."""
    job = jobs.create(db, rich_user(db))
    worker = new_worker(db)
    lose_wakeups(db)
    assert worker.rescue() == {"rescued": 0, "woken": 1}
    assert [up["stage"] for up in jobs.wakeups(db, job["id"])] == ["PREVIEW"]
    assert worker.rescue() == {"rescued": 0, "woken": 0}


def test_a_run_is_not_forgotten_within_30_seconds(db: Database) -> None:
    """A wake-up has 30 s to arrive before another is sent."""
    jobs.create(db, rich_user(db))
    lose_wakeups(db, seconds=29)
    assert new_worker(db).rescue()["woken"] == 0


def test_a_run_whose_wakeup_waits_is_not_forgotten(db: Database) -> None:
    """While all workers are busy, no second wake-up joins the one in the queue."""
    jobs.create(db, rich_user(db))
    db.admin.execute("update meshqueue.runs set wake_at = now() - interval '1 hour'")
    assert new_worker(db).rescue()["woken"] == 0


def test_a_held_run_whose_wakeup_was_lost_is_woken(db: Database) -> None:
    """A run that waited for a time is ready once it is over, even without its wake-up."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.wait(run)
    lose_wakeups(db, seconds=36)
    assert worker.rescue()["woken"] == 1
    assert state(db, run) == ("ready", None)
    assert worker.begin(run["job_id"], "PREVIEW")["outcome"] == "begun"


def test_a_draining_run_that_nobody_watches_is_woken(db: Database) -> None:
    """A task to be seen to its end is not forgotten when its wake-up is lost."""
    worker = new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    worker.fail(run, task_ended=False)
    lose_wakeups(db)
    assert worker.rescue()["woken"] == 1
    assert state(db, run) == ("draining", None)


def test_a_run_held_by_a_pause_sleeps(db: Database) -> None:
    """What waits for its provider is not woken in vain; the resume wakes it."""
    job, worker = jobs.create(db, rich_user(db)), new_worker(db)
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    worker.begin(job["id"], "PREVIEW")
    lose_wakeups(db, seconds=3600)
    assert worker.rescue()["woken"] == 0


def test_a_rescue_is_bounded(db: Database) -> None:
    """One call moves no more runs than it was asked to."""
    dead, rescuer = new_worker(db), old_worker(db)
    for _ in range(3):
        begun(db, dead)
    die(db, dead)
    assert [rescuer.rescue(2)["rescued"], rescuer.rescue(2)["rescued"]] == [2, 1]


def test_a_rescue_waits_for_nobody(db: Database) -> None:
    """A run that somebody works on at this moment is left for the next rescue."""
    dead, rescuer, holder = new_worker(db), old_worker(db), db.postgres()
    runs = [begun(db, dead), begun(db, dead)]
    die(db, dead)
    with holder.connection.transaction():
        holder.execute("select from meshqueue.runs where id = %s for no key update", runs[0]["run"])
        assert rescuer.rescue()["rescued"] == 1
    assert rescuer.rescue()["rescued"] == 1


@pytest.mark.parametrize(("silent", "left"), [("2 minutes", 0), ("10 seconds", 1)])
def test_queue_rows_of_dead_workers_are_deleted(db: Database, silent: str, left: int) -> None:
    """A wake-up that died with its worker goes; the runs decide, not the queue."""
    jobs.create(db, rich_user(db))
    db.admin.execute(
        """
        with worker as (
          insert into procrastinate.procrastinate_workers (last_heartbeat)
          values (now() - %s::interval) returning id
        )
        update procrastinate.procrastinate_jobs q
        set status = 'doing', worker_id = worker.id from worker
        """,
        silent,
    )
    old_worker(db).rescue()
    query = "select count(*) from procrastinate.procrastinate_jobs where status = 'doing'"
    assert db.admin.value(query) == left


def test_a_worker_that_stops_hands_back_everything_at_once(db: Database) -> None:
    """All runs of a worker that shuts down are ready for the others after one call."""
    worker, other = new_worker(db), new_worker(db)
    runs = [begun(db, worker), begun(db, worker)]
    worker.submit(runs[1])
    before = queue_length(db)
    assert worker.release(*runs) == 2
    assert queue_length(db) == before + 2
    assert [other.begin(run["job_id"], "PREVIEW")["attempt"] for run in runs] == [2, 2]


def test_a_released_task_is_watched_on(db: Database) -> None:
    """Handing a run back keeps its task, its slot and its place; nothing is sent again."""
    worker, other = new_worker(db), new_worker(db)
    run = begun(db, worker)
    task = worker.submit(run)
    worker.release(run)
    assert jobs.slots_taken(db, "meshy") == 1
    assert other.begin(run["job_id"], "PREVIEW")["submission"]["task_id"] == task


def test_only_ones_own_runs_are_handed_back(db: Database) -> None:
    """A worker hands back what it holds, and nothing that is another's or taken from it."""
    worker, other = new_worker(db), new_worker(db)
    mine, theirs = begun(db, worker), begun(db, other)
    assert worker.release(mine, theirs) == 1
    assert state(db, theirs) == ("running", other.id)


def test_a_draining_run_is_handed_back_as_draining(db: Database) -> None:
    """A shutdown does not forget the task of a canceled job."""
    worker, other = new_worker(db), new_worker(db)
    run = begun(db, worker)
    worker.submit(run)
    jobs.set_status(db, run["job_id"], "CANCELED")
    assert worker.release(run) == 1
    assert other.begin(run["job_id"], "PREVIEW")["outcome"] == "draining"
