"""What counts as wrong, when it begins and when it is over."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import new_worker, rich_user

QUOTA = 1000


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


def look(db: Database) -> set[tuple[str, str]]:
    """The incidents that are open after one more look."""
    db.admin.execute("select meshqueue.look_for_trouble(30, %s)", QUOTA)
    query = "select kind, subject from meshqueue.alarms where over_at is null"
    return {(row["kind"], row["subject"]) for row in db.admin.rows(query)}


def incidents(db: Database) -> int:
    return int(db.admin.value("select count(*) from meshqueue.alarms"))


def claim(db: Database) -> list[dict[str, Any]]:
    return list(db.admin.value("select meshqueue.claim_alarms()"))


def told(db: Database, alarm: dict[str, Any]) -> None:
    query = "select meshqueue.alarm_told(%s, %s)"
    db.admin.execute(query, alarm["id"], alarm["over_at"] is not None)


def a_minute_later(db: Database) -> None:
    db.admin.execute("update meshqueue.alarms set due_at = due_at - interval '1 minute'")


def test_all_is_well(db: Database, worker: Worker) -> None:
    """A place where everything works has nothing to say."""
    worker.work(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    assert look(db) == set()


def test_a_paused_provider(db: Database) -> None:
    """One incident however often it is looked at, over when the last of its keys is open."""
    for key in ("meshy-key", "another"):
        db.admin.execute("select meshqueue.pause_provider('MESHY', %s, 'out_of_credit')", key)
    assert [look(db) for _ in range(2)] == [{("provider_paused", "MESHY")}] * 2
    db.admin.execute("select meshqueue.resume_provider('MESHY', 'another')")
    assert look(db) == {("provider_paused", "MESHY")}
    db.admin.execute("select meshqueue.resume_provider('MESHY', 'meshy-key')")
    assert (look(db), incidents(db)) == (set(), 1)
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    assert (look(db), incidents(db)) == ({("provider_paused", "MESHY")}, 2)


def test_paused_deliveries(db: Database, worker: Worker) -> None:
    """From the first full storage to the first file that it takes again."""
    worker.pause_deliveries()
    assert look(db) == {("deliveries_paused", "")}
    worker.resume_deliveries()
    assert look(db) == set()


def test_a_lost_request(db: Database, worker: Worker) -> None:
    """Told even if it is found between two looks; over only when it is known."""
    run = worker.begin(jobs.create(db, rich_user(db))["id"], "PREVIEW")
    worker.submitting(run)
    worker.lost(run)
    worker.adopt(run, 1, "task-1")
    assert look(db) == {("submission_lost", "MESHY")}
    db.admin.execute("update meshqueue.incidents set created_at = now() - interval '1 hour'")
    assert look(db) == set()
    db.admin.execute("update meshqueue.submissions set outcome='lost', gave_up_at = now()")
    assert look(db) == {("submission_lost", "MESHY")}


@pytest.mark.parametrize("waits_for", ["slot", "worker"])
def test_jobs_that_wait_too_long(db: Database, waits_for: str) -> None:
    """One incident, also when the age swings around the limit."""
    jobs.set_setting(db, "max_in_flight_meshy", 0 if waits_for == "slot" else 1)
    jobs.create(db, rich_user(db))
    aged = {
        "slot": "update meshqueue.waiting set since = now() - make_interval(mins => %s)",
        "worker": "update meshqueue.runs set wake_at = now() - make_interval(mins => %s)",
    }[waits_for]
    seen = []
    for minutes in (29, 31, 29, 31, 20):
        db.admin.execute(aged, minutes)
        seen.append(bool(look(db)))
    assert (seen, incidents(db)) == ([False, True, True, True, False], 1)


def test_a_job_that_is_put_off_again_and_again(db: Database, worker: Worker) -> None:
    """By a storage that refuses, say: it always has a time to be woken at, and none helps."""
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)["id"]
    worker.work(job, "PREVIEW")
    later = datetime.now(UTC) + timedelta(minutes=10)
    worker.wait(worker.begin(job, "DELIVER"), "storage_refuses", later)
    assert look(db) == set()
    db.admin.execute("update meshqueue.runs set created_at = now() - interval '31 minutes'")
    assert look(db) == {("jobs_waiting", "")}
    db.admin.execute("update meshqueue.runs set wake_at = now() where state = 'held'")
    run = worker.begin(job, "DELIVER")
    assert (look(db), incidents(db)) == ({("jobs_waiting", "")}, 1)
    worker.finish_delivery(run)
    assert look(db) == set()


def test_a_pause_that_becomes_whole_is_told_anew(db: Database) -> None:
    """Of one key it was no reason to get up: other workers went on."""
    for key in ("one", "two"):
        new_worker(db, MESHY=key)
    db.admin.execute("select meshqueue.pause_provider('MESHY', 'one', 'unauthorised')")
    look(db)
    [alarm] = claim(db)
    told(db, alarm)
    look(db)
    assert claim(db) == []
    db.admin.execute("select meshqueue.pause_provider('MESHY', 'two', 'out_of_credit')")
    look(db)
    [again] = claim(db)
    assert (again["id"], again["detail"]["wholly"], again["told"]) == (alarm["id"], True, False)
    told(db, again)
    look(db)
    assert claim(db) == []


def test_a_storage_that_fills(db: Database) -> None:
    """From 80 % of the quota on, until it is under 75 %; without a quota never."""
    query = "update meshqueue.measurements set value = %s where name = 'stored_bytes'"
    seen = []
    for share in (790, 810, 770, 740):
        db.admin.execute(query, share)
        seen.append(bool(look(db)))
    assert seen == [False, True, True, False]
    db.admin.execute(query, 10**12)
    db.admin.execute("select meshqueue.look_for_trouble(30, 0)")
    assert incidents(db) == 1


def test_what_nobody_tries_to_tell(db: Database) -> None:
    """A message that waits for the webhook counts; one whose address was taken away does not."""
    query = "select value from meshqueue.vitals_of_alarms() where name = 'alarms_untold'"
    db.admin.execute("select meshqueue.pause_provider('MESHY', 'meshy-key', 'out_of_credit')")
    look(db)
    (alarm,) = claim(db)
    db.admin.execute("select meshqueue.alarm_not_told(%s, '1 hour')", alarm["id"])
    assert db.admin.value(query) == 1
    db.admin.execute("update meshqueue.alarms set due_at = now() - interval '3 hours'")
    assert db.admin.value(query) == 0


def test_workers_that_die_in_a_row(db: Database) -> None:
    """Three that never signed off within a quarter of an hour; one that left is no sign."""
    for name in ("dead", "dead", "left"):
        worker = new_worker(db)
        if name == "left":
            worker.heartbeat(leaving=True)
    die = "update meshqueue.workers set seen_at = now() - interval '1 minute'"
    db.admin.execute(f"{die} where left_at is null")
    assert look(db) == set()
    new_worker(db)
    db.admin.execute(f"{die} where left_at is null")
    assert look(db) == {("restarts", "workers")}
    db.admin.execute("update meshqueue.workers set started_at = now() - interval '1 hour'")
    assert look(db) == set()


def test_parts_that_are_started_again(db: Database) -> None:
    """A worker tells it with its heartbeat."""
    worker = new_worker(db)
    beat = "select meshqueue.heartbeat(%s, %s, %s)"
    for times, wrong in ((2, False), (3, True), (1, True), (0, False)):
        worker.session.execute(beat, worker.id, worker.serves, {"restarts": times})
        assert bool(look(db)) is wrong


def test_who_tells_it(db: Database) -> None:
    """One claims it, the others find nothing; told is told, and its end is told once more."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    look(db)
    (alarm,) = claim(db)
    assert (claim(db), alarm["told"], alarm["over_at"]) == ([], False, None)
    told(db, alarm)
    a_minute_later(db)
    assert claim(db) == []
    db.admin.execute("select meshqueue.resume_provider('MESHY')")
    look(db)
    (end,) = claim(db)
    assert (end["id"], end["told"], bool(end["over_at"])) == (alarm["id"], True, True)
    told(db, end)
    a_minute_later(db)
    assert claim(db) == []


def test_whoever_dies_over_it_is_followed(db: Database) -> None:
    """The claim is a minute's."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    look(db)
    (alarm,) = claim(db)
    a_minute_later(db)
    assert [again["id"] for again in claim(db)] == [alarm["id"]]


def test_an_end_that_comes_before_anybody_could_tell_the_beginning(db: Database) -> None:
    """One message says both."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    look(db)
    db.admin.execute("select meshqueue.resume_provider('MESHY')")
    look(db)
    (alarm,) = claim(db)
    assert (alarm["told"], alarm["over_at"] is None) == (False, False)
    told(db, alarm)
    a_minute_later(db)
    assert claim(db) == []


def test_an_end_while_the_beginning_is_being_told(db: Database) -> None:
    """The beginning counts as told, and the end is told after it."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    look(db)
    (alarm,) = claim(db)
    db.admin.execute("select meshqueue.resume_provider('MESHY')")
    look(db)
    told(db, alarm)
    a_minute_later(db)
    (end,) = claim(db)
    assert (end["told"], bool(end["over_at"])) == (True, True)


def test_later_and_later(db: Database) -> None:
    """30 s after the first try, then 1, 2, 4 … minutes, an hour at most; or as asked."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    look(db)
    due = "select extract(epoch from due_at - now())::integer from meshqueue.alarms"
    pauses = []
    for _ in range(9):
        db.admin.execute("update meshqueue.alarms set due_at = now()")
        (alarm,) = claim(db)
        with db.admin.connection.transaction():
            db.admin.execute("select meshqueue.alarm_not_told(%s)", alarm["id"])
            pauses.append(db.admin.value(due))
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
    with db.admin.connection.transaction():
        db.admin.execute("select meshqueue.alarm_not_told(%s, '2 hours')", alarm["id"])
        assert db.admin.value(due) == 7200


def test_two_look_at_the_same_time(db: Database) -> None:
    """The second leaves it to the first, and nothing is opened twice."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    first, second = db.postgres(), db.postgres()
    with first.connection.transaction():
        first.execute("select meshqueue.look_for_trouble(30, 0)")
        second.execute("select meshqueue.look_for_trouble(30, 0)")
    assert incidents(db) == 1


def test_old_news_is_dropped(db: Database) -> None:
    """Where there was no address for long, nobody is told of last week."""
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    look(db)
    db.admin.execute("select meshqueue.resume_provider('MESHY')")
    look(db)
    db.admin.execute("update meshqueue.alarms set over_at = now() - interval '2 days'")
    look(db)
    assert (claim(db), incidents(db)) == ([], 0)
