"""A lock or a time-out on the database's side arrives as PT503: try again, nothing was changed."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.jobs import MESHY_TEXT, account, cancel, create, create_as, rich_user
from tests.support.refusals import refused
from tests.support.session import Session
from tests.support.traces import leaves_nothing

PATIENCE = 7.0  # s; clients that set nothing of their own would wait for 8


@dataclass(frozen=True)
class Jobs:
    """Of one user: one that lives, one that was canceled."""

    user_id: UUID
    alive: dict[str, Any]
    over: dict[str, Any]


Call = Callable[[Session, Jobs], object]


def insert(session: Session, _: Jobs) -> object:
    return session.execute("insert into public.ai_jobs (request_payload) values (%s)", MESHY_TEXT)


def create_plain(session: Session, _: Jobs) -> object:
    return create_as(session)


def create_with_key(session: Session, _: Jobs) -> object:
    return create_as(session, idempotency_key="k")


def cancel_alive(session: Session, jobs: Jobs) -> object:
    return session.execute("select public.cancel_ai_job(%s)", jobs.alive["id"])


def retry(session: Session, jobs: Jobs) -> object:
    return session.execute("select public.retry_ai_job(%s)", jobs.over["id"])


def read(session: Session, jobs: Jobs) -> object:
    return session.execute("select public.get_ai_job(%s)", jobs.alive["id"])


def publish(session: Session, jobs: Jobs) -> object:
    return session.execute("select public.publish_template(%s)", jobs.over["asset_id"])


def remove(session: Session, jobs: Jobs) -> object:
    return session.execute("select public.delete_asset(%s)", jobs.over["asset_id"])


WRITING = (insert, create_plain, create_with_key, cancel_alive, retry)
LOCKS: dict[str, tuple[str, tuple[Call, ...]]] = {
    "account": ("select from public.credit_accounts where user_id = any(%(users)s)", WRITING),
    "rates": ("select from meshqueue.rates where user_id = any(%(users)s)", (read, insert)),
    "jobs": ("select from public.ai_jobs where user_id = any(%(users)s)", (cancel_alive, retry)),
    "assets": ("select from public.assets where user_id = any(%(users)s)", (publish, remove)),
}
LOCK_POOL = "select pg_advisory_xact_lock(meshqueue.pool_key('meshy'))"


@pytest.fixture
def jobs(db: Database) -> Jobs:
    return jobs_of_a_user(db)


def jobs_of_a_user(db: Database) -> Jobs:
    user_id = rich_user(db, 1000)
    over = create(db, user_id)
    cancel(db, user_id, over["id"])
    jobs = Jobs(user_id, create(db, user_id), over)
    with db.user(user_id) as user:
        read(user, jobs)
    return jobs


@contextmanager
def held(db: Database, lock: str, **values: object) -> Iterator[None]:
    """Another session holds this lock meanwhile."""
    other = db.postgres()
    with other.connection.transaction():
        other.execute(lock, **values)
        yield


def told_busy(db: Database, jobs: Jobs, call: Call, settings: str = "") -> None:
    """In about two seconds, in words that say what to do."""
    begun = time.monotonic()
    with refused("PT503") as refusal, db.user(jobs.user_id) as user:
        user.execute(settings)
        call(user, jobs)
    assert time.monotonic() - begun < PATIENCE
    assert json.loads(refusal.detail or "") == {"retry_after": 2}
    assert refusal.hint


@pytest.mark.newest_postgres
@pytest.mark.parametrize("locked", LOCKS)
def test_somebody_holds_the_rows(db: Database, locked: str) -> None:
    """Whoever meets a lock that stays is told so after two seconds, and nothing was changed."""
    lock, calls = LOCKS[locked]
    # A user for each call: behind another waiter the wait begins anew.
    callers = [jobs_of_a_user(db) for _ in calls]
    with (
        leaves_nothing(db),
        held(db, f"{lock} for update", users=[caller.user_id for caller in callers]),
        ThreadPoolExecutor(len(calls)) as pool,
    ):
        list(pool.map(lambda caller, call: told_busy(db, caller, call), callers, calls))


@pytest.mark.newest_postgres
def test_somebody_holds_the_pool(db: Database, jobs: Jobs) -> None:
    """A create that can't look for a slot is refused, not left without a place."""
    with leaves_nothing(db), held(db, LOCK_POOL):
        told_busy(db, jobs, create_plain)


@pytest.mark.newest_postgres
def test_granting_to_an_account_that_somebody_holds(db: Database, jobs: Jobs) -> None:
    """The service role's calls are told the same."""
    lock, _ = LOCKS["account"]
    with (
        leaves_nothing(db),
        held(db, f"{lock} for update", users=[jobs.user_id]),
        refused("PT503"),
        db.service() as service,
    ):
        service.execute("select public.grant_credits(%s, 5, 'test')", jobs.user_id)


@pytest.mark.parametrize("call", [*WRITING, read, publish, remove])
def test_a_statement_timeout(db: Database, jobs: Jobs, call: Call) -> None:
    """57014, which PostgREST would tell as an internal error, arrives as PT503."""
    locks = "lock table meshqueue.rates, public.credit_accounts, public.assets in exclusive mode"
    with leaves_nothing(db), held(db, locks):
        told_busy(db, jobs, call, "set local statement_timeout = '100ms'")


def test_a_deadlock(db: Database, jobs: Jobs) -> None:
    """40P01, told as an internal error otherwise, arrives as PT503 too."""
    patient = db.superuser()
    patient.execute("set deadlock_timeout = '1min'")
    patient.execute("begin")
    patient.execute("select from public.ai_jobs where id = %s for update", jobs.alive["id"])
    lock, _ = LOCKS["account"]
    with ThreadPoolExecutor(2) as pool:
        with refused("PT503") as refusal, db.user(jobs.user_id) as user:
            canceling = pool.submit(cancel_alive, user, jobs)
            db.wait_until_blocked(user)
            crossing = pool.submit(patient.execute, f"{lock} for update", users=[jobs.user_id])
            canceling.result()
        crossing.result()
    patient.execute("rollback")
    assert json.loads(refusal.detail or "") == {"retry_after": 2}
    assert account(db, jobs.user_id) == (1000, 35)


def test_keyed_and_plain_creates_do_not_lock_each_other_out(db: Database, jobs: Jobs) -> None:
    """Two creates of one user at once take their locks in one order: no deadlock, both are made."""
    lock, _ = LOCKS["account"]
    with (
        ThreadPoolExecutor(2) as pool,
        db.user(jobs.user_id) as keyed,
        db.user(jobs.user_id) as plain,
    ):
        with held(db, f"{lock} for update", users=[jobs.user_id]):
            first = pool.submit(create_with_key, keyed, jobs)
            db.wait_until_blocked(keyed)
            second = pool.submit(create_plain, plain, jobs)
            db.wait_until_blocked(plain)
        first.result()
        keyed.execute("commit")
        second.result()
    assert account(db, jobs.user_id) == (1000, 3 * 35)
