"""Two sessions at the same rows: whoever comes second sees what the first one did."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from random import Random
from time import monotonic
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support import jobs
from tests.support.database import Database
from tests.support.engine import Answer, Worker
from tests.support.jobs import Row, new_worker, rich_user
from tests.support.session import Session

CANCEL = "select * from public.cancel_ai_job(%s)"
CREATE = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s) returning *"


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as threads:
        yield threads


@contextmanager
def open_transaction(session: Session) -> Iterator[None]:
    """What the session does in here the others see only afterwards."""
    with session.connection.transaction():
        yield


class Second:
    """What another session tries meanwhile, until it has to wait for the first."""

    def __init__(self, db: Database, threads: ThreadPoolExecutor) -> None:
        self._db = db
        self._threads = threads

    def blocked(self, session: Session, call: partial[Any]) -> Future[Any]:
        attempt = self._threads.submit(call)
        self._db.wait_until_blocked(session)
        return attempt


@pytest.fixture
def second(db: Database, background: ThreadPoolExecutor) -> Second:
    return Second(db, background)


def begun(db: Database, worker: Worker, request: Row | None = None) -> Answer:
    job = jobs.create(db, rich_user(db, 100), request)
    return worker.begin(job["id"], job["stage"])


def canceling(session: Session, run: Answer) -> partial[Any]:
    return partial(session.row, CANCEL, run["job_id"])


def ends(db: Database, job_id: UUID | str) -> list[tuple[str, int, int]]:
    return jobs.ledger(db, UUID(str(job_id)))[1:]


def test_a_cancel_before_the_finish(db: Database, second: Second) -> None:
    """The finish that waited for a cancel learns that the job is over."""
    worker, client = new_worker(db), db.connect("postgres")
    run = begun(db, worker)
    worker.submit(run)
    with open_transaction(client):
        client.execute(CANCEL, run["job_id"])
        late = second.blocked(worker.session, partial(worker.finish, run))
    assert late.result() == {"outcome": "over"}
    assert jobs.job(db, run["job_id"])["status"] == "CANCELED"
    assert ends(db, run["job_id"]) == [("release", 0, -35)]
    assert jobs.slots_taken(db, "meshy") == 0


def test_a_cancel_after_the_finish(db: Database, second: Second) -> None:
    """The cancel that waited for a finish ends the next stage, and leaves no slot behind."""
    worker, client = new_worker(db), db.postgres()
    run = begun(db, worker)
    worker.submit(run)
    with open_transaction(worker.session):
        assert worker.finish(run)["outcome"] == "ok"
        late = second.blocked(client, canceling(client, run))
    assert late.result()["status"] == "CANCELED"
    assert jobs.run_of(db, run["job_id"], "REFINE")["state"] == "canceled"
    assert jobs.slots_taken(db, "meshy") == 0
    assert ends(db, run["job_id"]) == [("release", 0, -35)]


def test_two_cancels_at_once(db: Database, second: Second) -> None:
    """The second of two cancels answers with the canceled job and refunds nothing."""
    job = jobs.create(db, rich_user(db, 100))
    with db.user(job["user_id"]) as late_client:
        with db.user(job["user_id"]) as client:
            client.execute(CANCEL, job["id"])
            late = second.blocked(late_client, partial(late_client.row, CANCEL, job["id"]))
        assert late.result()["status"] == "CANCELED"
    assert ends(db, job["id"]) == [("release", 0, -35)]
    assert jobs.account(db, job["user_id"]) == (100, 0)


def test_a_cancel_before_the_intent(db: Database, second: Second) -> None:
    """Nothing is sent for a job whose cancel came first."""
    worker, client = new_worker(db), db.postgres()
    run = begun(db, worker)
    with open_transaction(client):
        client.execute(CANCEL, run["job_id"])
        late = second.blocked(worker.session, partial(worker.submitting, run))
    assert late.result() == {"outcome": "fenced"}
    assert db.admin.rows("select * from meshqueue.submissions") == []


def test_a_cancel_after_the_intent(db: Database, second: Second) -> None:
    """A cancel that waited for the intent knows of it: the slot stays for the task to come."""
    worker, client = new_worker(db), db.postgres()
    run = begun(db, worker)
    with open_transaction(worker.session):
        worker.submitting(run)
        late = second.blocked(client, canceling(client, run))
    assert late.result()["status"] == "CANCELED"
    assert jobs.run_of(db, run["job_id"], "PREVIEW")["state"] == "draining"
    assert jobs.slots_taken(db, "meshy") == 1


def test_a_cancel_beside_a_late_answer(db: Database, second: Second) -> None:
    """A task that turns up while its job is being canceled is drained, not forgotten."""
    worker, client = new_worker(db), db.postgres()
    run = begun(db, worker)
    worker.submitting(run)
    worker.lost(run)
    db.admin.execute("update meshqueue.submissions set gave_up_at = now() - interval '1 hour'")
    worker.absent(run, 1)
    with open_transaction(worker.session):
        worker.submitted(run, 1, "task-1")
        late = second.blocked(client, canceling(client, run))
    assert late.result()["status"] == "CANCELED"
    assert jobs.run_of(db, run["job_id"], "PREVIEW")["state"] == "draining"
    assert jobs.slots_taken(db, "meshy") == 1


def delivering(db: Database, worker: Worker) -> Answer:
    run = begun(db, worker, jobs.PREVIEW_ONLY)
    worker.submit(run)
    worker.finish(run)
    delivery = worker.begin_delivery(UUID(run["job_id"]))
    db.admin.execute("update public.ai_jobs set deadline_at = now() - interval '1 minute'")
    return delivery


def test_an_expiry_before_the_delivery(db: Database, second: Second) -> None:
    """A delivery that comes too late leaves no rows, and its objects are removed."""
    worker, sweeper = new_worker(db), db.postgres()
    run = delivering(db, worker)
    with open_transaction(sweeper):
        assert sweeper.value("select meshqueue.expire_jobs()") == 1
        late = second.blocked(worker.session, partial(worker.finish_delivery, run))
    assert late.result() == {"outcome": "fenced"}
    assert ends(db, run["job_id"]) == [("release", 0, -10)]
    assert db.admin.rows("select * from public.asset_files") == []
    assert len(db.admin.rows("select * from meshqueue.removals")) == 1


def test_an_expiry_beside_the_delivery(db: Database) -> None:
    """A job that is being delivered at this moment does not expire."""
    worker = new_worker(db)
    run = delivering(db, worker)
    with open_transaction(worker.session):
        assert worker.finish_delivery(run) == {"outcome": "ok"}
        assert db.admin.value("select meshqueue.expire_jobs()") == 0
    assert db.admin.value("select meshqueue.expire_jobs()") == 0
    assert ends(db, run["job_id"]) == [("settle", -10, -10)]


def test_two_finishes_at_once(db: Database, second: Second) -> None:
    """A stage is finished once: the second finish is fenced, one next stage is enqueued."""
    worker = new_worker(db)
    twin = Worker(db.postgres(), worker.id)
    run = begun(db, worker)
    worker.submit(run)
    with open_transaction(worker.session):
        assert worker.finish(run)["outcome"] == "ok"
        late = second.blocked(twin.session, partial(twin.finish, run))
    assert late.result() == {"outcome": "fenced"}
    woken = [up["stage"] for up in jobs.wakeups(db, UUID(run["job_id"]))]
    assert woken == ["PREVIEW", "REFINE"]


def test_two_deliveries_at_once(db: Database, second: Second) -> None:
    """A job is delivered and settled once."""
    worker = new_worker(db)
    twin = Worker(db.postgres(), worker.id)
    run = delivering(db, worker)
    with open_transaction(worker.session):
        assert worker.finish_delivery(run) == {"outcome": "ok"}
        late = second.blocked(twin.session, partial(twin.finish_delivery, run))
    assert late.result() == {"outcome": "fenced"}
    assert ends(db, run["job_id"]) == [("settle", -10, -10)]


def test_two_begins_at_once(db: Database, second: Second) -> None:
    """Of two workers that were woken for the same run one gets it, the other is told."""
    worker, other = new_worker(db), new_worker(db)
    job = jobs.create(db, rich_user(db))
    with open_transaction(worker.session):
        assert worker.begin(job["id"], "PREVIEW")["outcome"] == "begun"
        late = second.blocked(other.session, partial(other.begin, job["id"], "PREVIEW"))
    assert late.result() == {"outcome": "busy"}


def test_two_reserves_of_the_last_credits(db: Database, second: Second) -> None:
    """Credits are spent once: the second of two creates is refused with PT402."""
    user, client, late_client = rich_user(db, 15), db.postgres(), db.postgres()
    with open_transaction(client):
        client.execute(CREATE, user, jobs.PREVIEW_ONLY)
        again = partial(late_client.row, CREATE, user, jobs.PREVIEW_ONLY)
        late = second.blocked(late_client, again)
    with pytest.raises(psycopg.Error) as refusal:
        late.result()
    assert refusal.value.sqlstate == "PT402"
    assert refusal.value.diag.message_detail == '{"needed": 10, "available": 5}'
    assert jobs.account(db, user) == (15, 10)


def test_a_create_before_its_users_deletion(db: Database, second: Second) -> None:
    """A deletion that waited for a create ends the new job too: nothing is left of the person."""
    user, client, admin = rich_user(db, 100), db.postgres(), db.postgres()
    with open_transaction(client):
        client.execute(CREATE, user, jobs.PREVIEW_ONLY)
        late = second.blocked(
            admin, partial(admin.execute, "delete from auth.users where id = %s", user)
        )
    late.result()
    assert db.admin.rows("select * from public.ai_jobs") == []
    assert jobs.slots_taken(db, "meshy") == 0
    lines = db.admin.rows("select user_id, kind from public.credit_ledger order by id")
    assert [tuple(line.values()) for line in lines] == [
        (None, "grant"),
        (None, "reserve"),
        (None, "release"),
    ]


def test_a_create_after_its_users_deletion(db: Database, second: Second) -> None:
    """A create that waited for the deletion of its user is refused, and leaves nothing."""
    user, client, admin = rich_user(db, 100), db.postgres(), db.postgres()
    with open_transaction(admin):
        admin.execute("delete from auth.users where id = %s", user)
        late = second.blocked(client, partial(client.row, CREATE, user, jobs.PREVIEW_ONLY))
    with pytest.raises(psycopg.Error):
        late.result()
    assert db.admin.rows("select * from public.ai_jobs") == []
    assert jobs.slots_taken(db, "meshy") == 0


def test_a_lower_limit_before_the_create(db: Database, second: Second) -> None:
    """A create that waited for a lower limit obeys it."""
    user, client, admin = rich_user(db), db.postgres(), db.postgres()
    lower = "update public.app_settings set value = '0' where key = 'max_in_flight_meshy'"
    with open_transaction(admin):
        admin.execute(lower)
        admin.execute("set constraints all immediate")  # as at its commit, before that is written
        late = second.blocked(client, partial(client.row, CREATE, user, jobs.PREVIEW_ONLY))
    made = late.result()["id"]
    assert jobs.waiting(db, "meshy") == [made]


def test_a_higher_limit_after_the_create(db: Database, second: Second) -> None:
    """A higher limit that waited for a create admits the job that the create left waiting."""
    jobs.set_setting(db, "max_in_flight_meshy", 0)
    user, client, admin = rich_user(db), db.postgres(), db.postgres()
    higher = "update public.app_settings set value = '1' where key = 'max_in_flight_meshy'"
    with open_transaction(client):
        client.execute(CREATE, user, jobs.PREVIEW_ONLY)
        late = second.blocked(admin, partial(admin.execute, higher))
    late.result()
    assert (jobs.slots_taken(db, "meshy"), jobs.waiting(db, "meshy")) == (1, [])


def test_a_freed_slot_reaches_the_create_that_waited(db: Database, second: Second) -> None:
    """Who creates while a slot is being freed waits for the outcome, and takes the slot."""
    jobs.set_setting(db, "max_in_flight_meshy", 1)
    freer, client, user = db.postgres(), db.postgres(), rich_user(db)
    ending = jobs.create(db, rich_user(db))
    with open_transaction(freer):
        freer.execute(CANCEL, ending["id"])
        late = second.blocked(client, partial(client.row, CREATE, user, jobs.PREVIEW_ONLY))
    assert jobs.run_of(db, late.result()["id"], "PREVIEW")["state"] == "ready"
    assert jobs.waiting(db, "meshy") == []


def test_a_deadlock_is_told_as_busy(db: Database, second: Second) -> None:
    """Servers that cancel two jobs in opposite order: one succeeds, the other hears PT503."""
    one, two = jobs.create(db, rich_user(db)), jobs.create(db, rich_user(db))
    first, other = db.postgres(), db.postgres()
    outcomes: list[str | None] = []

    def cancel(session: Session, job: Row) -> None:
        try:
            session.execute(CANCEL, job["id"])
            outcomes.append(None)
        except psycopg.Error as error:
            outcomes.append(error.sqlstate)
        finally:
            session.connection.rollback()

    for session, job in ((first, one), (other, two)):
        session.connection.autocommit = False
        session.execute(CANCEL, job["id"])
    late = second.blocked(first, partial(cancel, first, two))
    cancel(other, one)
    late.result()
    assert sorted(outcomes, key=str) == [None, "PT503"]


def churn(db: Database, user: UUID, rounds: int) -> None:
    """Creates jobs and cancels some of its own, as fast as it can."""
    session, mine = db.postgres(), list[UUID]()
    chance = Random(str(user))  # noqa: S311 - no secret
    for _ in range(rounds):
        mine.append(session.row(CREATE, user, jobs.PREVIEW_ONLY)["id"])
        if chance.random() < 0.7:
            session.execute(CANCEL, mine.pop(chance.randrange(len(mine))))


def test_no_wakeup_is_lost_in_a_burst(db: Database, background: ThreadPoolExecutor) -> None:
    """After a burst of creates and cancels no free slot stands beside a waiting job."""
    jobs.set_setting(db, "credits_enabled", "false")
    jobs.set_setting(db, "max_in_flight_meshy", 3)
    list(background.map(lambda user: churn(db, user, 25), [db.new_user() for _ in range(8)]))
    free = "select 3 - count(*) from meshqueue.slots where pool = 'meshy' and run_id is not null"
    later = "select from procrastinate.procrastinate_jobs where task_name = 'admit'"
    if db.admin.value(free) > 0 and jobs.waiting(db, "meshy"):
        assert db.admin.execute(later).rowcount > 0, "a slot is free and nobody will look"
    assert db.admin.value("select count(*) from meshqueue.slots where pool = 'meshy'") == 3


READY = """
    select job_id, stage from meshqueue.runs where state = 'ready' order by random() limit 1
"""
OPEN = "select count(*) from public.ai_jobs where status in ('QUEUED', 'IN_PROGRESS')"


def work(db: Database, give_up: float) -> None:
    """Takes whatever is ready until every job is over."""
    worker = new_worker(db)
    while worker.session.value(OPEN):
        assert monotonic() < give_up, "jobs wait and nobody is woken for them"
        for ready in worker.session.rows(READY):
            run = worker.begin(ready["job_id"], ready["stage"])
            if run["outcome"] != "begun":
                continue
            if run["stage"] == "DELIVER":
                worker.finish_delivery(run)
            else:
                worker.submit(run)
                worker.finish(run)


def test_stages_of_several_pools_do_not_block_each_other(
    db: Database, background: ThreadPoolExecutor
) -> None:
    """Workers that move jobs between narrow pools at once finish them all, without a sweep."""
    for pool in ("model", "processing", "animation"):
        jobs.set_setting(db, f"max_in_flight_tripo_{pool}", 1)
    users = [rich_user(db) for _ in range(3)]
    made = [jobs.create_by_server(db, user, jobs.TRIPO_RIG) for user in users * 4]
    list(background.map(lambda _: work(db, monotonic() + 100), range(4)))
    statuses = {jobs.job(db, job["id"])["status"] for job in made}
    assert statuses == {"SUCCEEDED"}
    assert db.admin.value("select count(run_id) from meshqueue.slots") == 0
