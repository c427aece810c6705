"""A provider that lacks money or refuses a key waits for that key, and loses no job."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from uuid import UUID

import psycopg
import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import MESHY_KEY, Worker
from tests.support.jobs import Row, new_worker, rich_user


def pause(db: Database, key: str = "*", reason: str = "operator") -> bool:
    query = "select meshqueue.pause_provider('MESHY', %s, %s)"
    return bool(db.admin.value(query, key, reason))


RESUME = "select meshqueue.resume_provider('MESHY', %s)"
LOCK_JOB = "select from public.ai_jobs where id = %s for no key update"


def resume(db: Database, key: str = "*") -> bool:
    return bool(db.admin.value(RESUME, key))


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as threads:
        yield threads


def paused_since(db: Database, ago: str) -> None:
    db.admin.execute("update meshqueue.pauses set since = now() - %s::interval", ago)


def is_paused(db: Database) -> bool:
    return bool(db.admin.value("select meshqueue.provider_paused('MESHY')"))


def lapse(db: Database, worker: Worker) -> None:
    query = "update meshqueue.workers set seen_at = now() - interval '1 minute' where id = %s"
    db.admin.execute(query, worker.id)


def minutes_left(db: Database, job: Row) -> int:
    query = "select extract(epoch from deadline_at - now()) / 60 from public.ai_jobs where id = %s"
    minutes: Decimal = db.admin.value(query, job["id"])
    return round(minutes)


def state(db: Database, job: Row, stage: str = "PREVIEW") -> tuple[str, str | None]:
    run = jobs.run_of(db, job["id"], stage)
    return run["state"], run["held_for"]


def woken_last(db: Database) -> list[UUID]:
    """The jobs of all wake-ups, the latest first."""
    query = "select args ->> 'job_id' from procrastinate.procrastinate_jobs order by id desc"
    return [UUID(job_id) for job_id in db.admin.values(query)]


def test_new_jobs_are_refused(db: Database) -> None:
    """While a provider is paused a new job for it is refused, and nothing is charged."""
    new_worker(db)
    user = rich_user(db, 100)
    pause(db)
    with pytest.raises(psycopg.Error) as refusal:
        jobs.create(db, user)
    assert (refusal.value.sqlstate, refusal.value.diag.message_detail) == ("PT503", "MESHY")
    assert refusal.value.diag.message_hint is not None
    assert jobs.account(db, user) == (100, 0)


def test_other_providers_go_on(db: Database) -> None:
    """A pause of one provider does not touch another."""
    worker, user = new_worker(db), rich_user(db)
    pause(db)
    job = jobs.create(db, user, jobs.TRIPO_TEXT)
    assert worker.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_nothing_new_is_submitted(db: Database) -> None:
    """A run that was ready is held with its slot until the provider is resumed."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    pause(db)
    assert worker.begin(job["id"], "PREVIEW") == {"outcome": "paused"}
    assert state(db, job) == ("held", "paused")
    assert jobs.slots_taken(db, "meshy") == 1
    assert jobs.job(db, job["id"])["status"] == "QUEUED"


def test_what_is_paid_for_is_watched_on(db: Database) -> None:
    """A pause keeps nobody from taking a run whose task is already under way."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    run = worker.begin(job["id"], "PREVIEW")
    worker.submit(run)
    worker.release(run)
    pause(db)
    again = worker.begin(job["id"], "PREVIEW")
    assert again["outcome"] == "begun"
    assert worker.finish(again)["outcome"] == "ok"


def test_a_delivery_needs_no_provider(db: Database) -> None:
    """A model that is made is delivered though its provider is paused."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    worker.work(job["id"], "PREVIEW")
    pause(db)
    worker.work(job["id"], "DELIVER")
    assert jobs.job(db, job["id"])["status"] == "SUCCEEDED"


def test_nothing_is_admitted(db: Database) -> None:
    """Neither a freed slot nor the sweep admits a job while the provider is paused."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    worker, user = new_worker(db), rich_user(db)
    first, second = jobs.create(db, user), jobs.create(db, user)
    pause(db)
    jobs.cancel(db, user, first["id"])
    assert db.admin.value("select meshqueue.admit()") == 0
    assert jobs.waiting(db, "meshy") == [second["id"]]
    resume(db)
    assert worker.begin(second["id"], "PREVIEW")["outcome"] == "begun"


def test_the_next_stage_waits_for_the_end_of_the_pause(db: Database) -> None:
    """A stage that ends during a pause gives its slot back; the next stage waits first in line."""
    worker, user = new_worker(db), rich_user(db)
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    job, other = jobs.create(db, user), jobs.create(db, user)
    run = worker.begin(job["id"], "PREVIEW")
    worker.submit(run)
    pause(db)
    worker.finish(run)
    assert jobs.slots_taken(db, "meshy") == 0
    assert jobs.waiting(db, "meshy") == [job["id"], other["id"]]
    resume(db)
    assert state(db, job, "REFINE") == ("ready", None)
    assert jobs.waiting(db, "meshy") == [other["id"]]


def test_held_runs_are_resumed_before_others_are_admitted(db: Database) -> None:
    """On resume first come those who had a slot, in their order, then those who wait for one."""
    jobs.set_setting(db, "max_in_flight_meshy", 3)
    worker, user = new_worker(db), rich_user(db)
    held = [jobs.create(db, user), jobs.create(db, user)]
    ended, behind = jobs.create(db, user), jobs.create(db, user)
    pause(db)
    for job in held:
        worker.begin(job["id"], "PREVIEW")
    jobs.cancel(db, user, ended["id"])
    resume(db)
    assert woken_last(db)[:3] == [behind["id"], held[1]["id"], held[0]["id"]]
    assert [state(db, job) for job in held] == [("ready", None)] * 2


def test_pausing_and_resuming_twice_is_harmless(db: Database) -> None:
    """Only the first call of each counts, and the operator is told once."""
    assert [pause(db), pause(db)] == [True, False]
    assert [resume(db), resume(db)] == [True, False]
    query = "select kind from meshqueue.incidents order by id"
    assert db.admin.values(query) == ["provider_paused", "provider_resumed"]


def test_a_pause_without_a_cause_on_our_list_is_refused(db: Database) -> None:
    """A pause has one of the reasons that lift themselves, or is the operator's."""
    with pytest.raises(psycopg.errors.CheckViolation):
        pause(db, reason="bad mood")


def test_a_bad_key_stops_its_own_worker_only(db: Database) -> None:
    """While another worker has a good key, the provider takes jobs and that worker does them."""
    bad, good = new_worker(db, MESHY="bad"), new_worker(db, MESHY="good")
    job = jobs.create(db, rich_user(db))
    pause(db, "bad", "unauthorised")
    assert not is_paused(db)
    assert bad.begin(job["id"], "PREVIEW") == {"outcome": "key_paused"}
    assert jobs.wakeups(db, job["id"])[-1]["scheduled_at"] is not None
    db.admin.execute("update meshqueue.runs set wake_at = now()")
    assert good.begin(job["id"], "PREVIEW")["outcome"] == "begun"
    jobs.create(db, rich_user(db))


def test_all_keys_bad_pause_the_provider(db: Database) -> None:
    """When every living worker's key is paused, so is the provider."""
    new_worker(db, MESHY="one")
    other = new_worker(db, MESHY="two")
    pause(db, "one", "unauthorised")
    assert not is_paused(db)
    pause(db, "two", "out_of_credit")
    assert is_paused(db)
    resume(db, "one")
    assert not is_paused(db)
    pause(db, "one", "unauthorised")
    other.heartbeat(leaving=True)
    assert is_paused(db)


def test_a_bad_key_that_is_replaced_leaves_no_pause(db: Database) -> None:
    """The new worker comes before the old one goes: the next pause is news again."""
    bad = new_worker(db, MESHY="bad")
    pause(db, "bad", "unauthorised")
    good = new_worker(db, MESHY="good")
    good.rescue()
    pauses = "select fingerprint from meshqueue.pauses"
    assert db.admin.values(pauses) == ["bad"]
    bad.heartbeat(leaving=True)
    good.rescue()
    assert db.admin.values(pauses) == []


def test_a_worker_with_another_key_opens_the_provider(db: Database) -> None:
    """A new worker's good key resumes the held runs and admits the waiting jobs."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    bad, user = new_worker(db, MESHY="bad"), rich_user(db)
    held, behind = jobs.create(db, user), jobs.create(db, user)
    pause(db, "bad", "unauthorised")
    assert bad.begin(held["id"], "PREVIEW") == {"outcome": "paused"}
    good = new_worker(db, MESHY="good")
    assert state(db, held) == ("ready", None)
    assert jobs.waiting(db, "meshy") == [behind["id"]]
    assert good.begin(held["id"], "PREVIEW")["outcome"] == "begun"


def test_the_pause_of_a_key_that_nobody_uses_ends(db: Database) -> None:
    """Once a worker came back with another key, the old key's pause is forgotten."""
    worker = new_worker(db, MESHY="bad")
    pause(db, "bad", "unauthorised")
    worker.heartbeat(leaving=True)
    new_worker(db, MESHY="good")
    assert db.admin.rows("select * from meshqueue.pauses") == []


def test_the_operators_pause_is_lifted_by_the_operator_alone(db: Database) -> None:
    """No worker's key ends a pause that a person ordered."""
    pause(db)
    new_worker(db, MESHY="good")
    assert is_paused(db)


def test_a_good_worker_that_returns_opens_the_provider(db: Database) -> None:
    """When the one worker with a good key comes back from an outage, held runs go on."""
    bad, good = new_worker(db, MESHY="bad"), new_worker(db, MESHY="good")
    job = jobs.create(db, rich_user(db))
    pause(db, "bad", "unauthorised")
    lapse(db, good)
    assert bad.begin(job["id"], "PREVIEW") == {"outcome": "paused"}
    good.heartbeat()
    assert state(db, job) == ("ready", None)
    assert good.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def working(db: Database, worker: Worker) -> Row:
    job = jobs.create(db, rich_user(db))
    worker.submit(worker.begin(job["id"], "PREVIEW"))
    return job


def test_time_under_a_pause_does_not_count(db: Database) -> None:
    """On resume the deadline of a working job moves by the length of the pause."""
    worker = new_worker(db)
    job = working(db, worker)
    db.admin.execute("update public.ai_jobs set started_at = now() - interval '2 hours'")
    pause(db)
    paused_since(db, "1 hour")
    resume(db)
    assert minutes_left(db, job) == 180


def test_only_the_time_since_the_job_began_is_added(db: Database) -> None:
    """A job that began during the pause gains no more than it lost."""
    worker = new_worker(db)
    job = working(db, worker)
    db.admin.execute("update public.ai_jobs set started_at = now() - interval '10 minutes'")
    pause(db)
    paused_since(db, "1 hour")
    resume(db)
    assert minutes_left(db, job) == 130


def test_waiting_and_delivering_are_not_stretched(db: Database) -> None:
    """A pause lengthens neither the wait for a turn nor the delivery."""
    worker = new_worker(db)
    waiting = jobs.create(db, rich_user(db))
    delivering = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    worker.work(delivering["id"], "PREVIEW")
    pause(db)
    paused_since(db, "1 hour")
    resume(db)
    assert [minutes_left(db, job) for job in (waiting, delivering)] == [1440, 1440]


def test_one_keys_pause_stretches_no_deadline(db: Database) -> None:
    """While another key works the provider is open, so time counts."""
    new_worker(db, MESHY="bad")
    good = new_worker(db, MESHY="good")
    job = working(db, good)
    db.admin.execute("update public.ai_jobs set started_at = now() - interval '2 hours'")
    pause(db, "bad", "unauthorised")
    paused_since(db, "1 hour")
    new_worker(db, MESHY="good")
    assert minutes_left(db, job) == 120
    resume(db, "bad")
    assert minutes_left(db, job) == 120


def test_a_job_that_somebody_works_on_is_stretched_too(
    db: Database, background: ThreadPoolExecutor
) -> None:
    """What is locked at the moment of the resume must not expire right after it."""
    job = working(db, new_worker(db))
    db.admin.execute("update public.ai_jobs set started_at = now() - interval '4 hours'")
    pause(db)
    paused_since(db, "3 hours")
    other, resuming = db.postgres(), db.postgres()
    with other.connection.transaction():
        other.execute(LOCK_JOB, job["id"])
        resumed = background.submit(resuming.value, RESUME, "*")
        db.wait_until_blocked(resuming)
    assert resumed.result()
    assert minutes_left(db, job) == 300


def test_a_session_that_hangs_keeps_no_provider_closed(db: Database) -> None:
    """Its own job is left out; the others get their time, and the provider is open."""
    worker = new_worker(db)
    stuck, job = working(db, worker), working(db, worker)
    db.admin.execute("update public.ai_jobs set started_at = now() - interval '2 hours'")
    pause(db)
    paused_since(db, "1 hour")
    other = db.postgres()
    with other.connection.transaction():
        other.execute(LOCK_JOB, stuck["id"])
        assert resume(db)
    assert [minutes_left(db, each) for each in (stuck, job)] == [120, 180]


@pytest.mark.parametrize(
    ("key", "reason", "answer"),
    [("*", "operator", "paused"), (MESHY_KEY, "out_of_credit", "key_paused")],
)
def test_a_stage_that_is_under_way_buys_nothing_more(
    db: Database, key: str, reason: str, answer: str
) -> None:
    """Asked before each request: a second try waits for the end of the pause, and stays one."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    new_worker(db, MESHY="another key")
    run = worker.begin(job["id"], "PREVIEW")
    worker.submit(run)
    pause(db, key, reason)
    assert worker.retry(run)["outcome"] == "ok"
    assert worker.submitting(run) == {"outcome": answer}
    assert worker.wait(run, answer)["outcome"] == "ok"
    resume(db, key)
    db.admin.execute("update meshqueue.runs set wake_at = now()")
    again = worker.begin(job["id"], "PREVIEW")
    assert (again["outcome"], again["retries"]) == ("begun", 1)
    assert worker.submitting(again)["outcome"] == "ok"


def test_a_wait_for_a_pause_has_no_time(db: Database) -> None:
    """A run that waits for the provider is woken by its resume, and by nothing else."""
    worker, job = new_worker(db), jobs.create(db, rich_user(db))
    run = worker.begin(job["id"], "PREVIEW")
    pause(db, MESHY_KEY, "out_of_credit")
    before = len(jobs.wakeups(db, job["id"]))
    worker.wait(run, "paused")
    assert jobs.run_of(db, job["id"], "PREVIEW")["wake_at"] is None
    assert len(jobs.wakeups(db, job["id"])) == before
    resume(db, MESHY_KEY)
    assert len(jobs.wakeups(db, job["id"])) == before + 1


def test_a_wait_for_one_keys_pause_has_a_time(db: Database) -> None:
    """Where only this worker's key is paused, the run is soon offered to the others."""
    bad = new_worker(db, MESHY="bad")
    new_worker(db, MESHY="good")
    job = jobs.create(db, rich_user(db))
    run = bad.begin(job["id"], "PREVIEW")
    pause(db, "bad", "unauthorised")
    bad.wait(run, "paused")
    assert jobs.run_of(db, job["id"], "PREVIEW")["wake_at"] is not None


def spent(db: Database, worker: Worker, provider_credits: int) -> None:
    """A job whose task was paid for with that much of the provider's money."""
    job = jobs.create(db, rich_user(db))
    worker.submitting(worker.begin(job["id"], "PREVIEW"), expected=provider_credits)


def test_a_day_has_its_spending_limit(db: Database) -> None:
    """When the day's provider credits are spent, new jobs wait; they are not refused."""
    worker = new_worker(db)
    jobs.set_setting(db, "max_provider_credits_per_day_meshy", 10)
    spent(db, worker, 9)
    spent(db, worker, 1)
    job = jobs.create(db, rich_user(db))
    assert jobs.waiting(db, "meshy") == [job["id"]]
    assert db.admin.value("select meshqueue.admit()") == 0


def test_a_new_day_admits_again(db: Database) -> None:
    """Yesterday's spending does not count today: the sweep lets the waiting jobs in."""
    worker = new_worker(db)
    jobs.set_setting(db, "max_provider_credits_per_day_meshy", 10)
    spent(db, worker, 10)
    jobs.create(db, rich_user(db))
    db.admin.execute("update meshqueue.submissions set intent_at = intent_at - interval '1 day'")
    assert db.admin.value("select meshqueue.admit()") == 1
    assert jobs.waiting(db, "meshy") == []


def test_the_limit_of_one_provider_is_not_anothers(db: Database) -> None:
    """The day's limit counts and stops one provider only."""
    worker = new_worker(db)
    jobs.set_setting(db, "max_provider_credits_per_day_meshy", 1)
    spent(db, worker, 1)
    job = jobs.create(db, rich_user(db), jobs.TRIPO_TEXT)
    assert worker.begin(job["id"], "PREVIEW")["outcome"] == "begun"


def test_a_refused_request_spends_nothing(db: Database) -> None:
    """What the provider refused leaves room in the day's limit."""
    worker = new_worker(db)
    jobs.set_setting(db, "max_provider_credits_per_day_meshy", 10)
    job = jobs.create(db, rich_user(db))
    run = worker.begin(job["id"], "PREVIEW")
    worker.submitting(run, expected=10)
    worker.refused(run)
    jobs.create(db, rich_user(db))
    assert jobs.waiting(db, "meshy") == []
