"""How often a user may call: a sliding minute, exact also when calls come at once."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tests.support.database import Database
from tests.support.jobs import (
    MESHY_TEXT,
    create,
    create_as,
    create_by_server,
    rich_user,
    set_setting,
)
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

AGE = """
    update meshqueue.rates set hits = array(select h - %s::interval from unnest(hits) h order by h)
    where user_id = %s
"""
HITS = "select coalesce(cardinality(hits), 0) from meshqueue.rates where user_id = %s"


@pytest.fixture
def user_id(db: Database) -> UUID:
    set_setting(db, "rate_job_create_per_minute", 3)
    return rich_user(db, 100_000)


def poll(db: Database, user_id: UUID, job_id: UUID) -> Any:
    with db.user(user_id) as user:
        return user.value("select public.get_ai_job(%s)", job_id)


def is_refused(db: Database, user_id: UUID) -> bool:
    try:
        create(db, user_id)
    except psycopg.Error as error:
        assert error.sqlstate == "PT429"  # noqa: PT017 - one of many calls at once
        return True
    return False


def test_the_default(db: Database) -> None:
    """Five jobs a minute, as specified."""
    user_id = rich_user(db)
    for _ in range(5):
        create(db, user_id)
    with leaves_nothing(db), refused("PT429"):
        create(db, user_id)


def test_the_minute_slides(db: Database, user_id: UUID) -> None:
    """Each call counts for a minute of its own, not for a minute by the clock."""
    create(db, user_id)
    db.admin.execute(AGE, "40 seconds", user_id)
    create(db, user_id)
    create(db, user_id)
    assert is_refused(db, user_id)
    db.admin.execute(AGE, "20 seconds", user_id)
    create(db, user_id)
    assert is_refused(db, user_id)


def test_when_to_come_back(db: Database, user_id: UUID) -> None:
    """retry_after is the time until the oldest call that counts is a minute old."""
    for _ in range(3):
        create(db, user_id)
        db.admin.execute(AGE, "10 seconds", user_id)
    with refused("PT429") as refusal:
        create(db, user_id)
    assert json.loads(refusal.detail or "") == {"limit": 3, "retry_after": 30}


def test_a_refused_call_is_not_counted(db: Database, user_id: UUID) -> None:
    """Trying again too early does not lengthen the wait."""
    for _ in range(3):
        create(db, user_id)
    for _ in range(3):
        assert is_refused(db, user_id)
    assert db.admin.value(HITS, user_id) == 3


@pytest.mark.parametrize("sent", ["wrong request", "no credits"])
def test_other_refusals_are_not_counted(db: Database, user_id: UUID, sent: str) -> None:
    """Nor does a call that was refused for another reason."""
    create(db, user_id)
    if sent == "no credits":
        db.admin.execute("select public.grant_credits(%s, -99965, 'test')", user_id)
    with refused("PT400" if sent == "wrong request" else "PT402"):
        create(db, user_id, {"prompt": "" if sent == "wrong request" else "x"})
    assert db.admin.value(HITS, user_id) == 1


def test_every_row_counts(db: Database, user_id: UUID) -> None:
    """An insert of four rows is four jobs."""
    query = "insert into public.ai_jobs (request_payload) values (%s), (%s), (%s), (%s)"
    with leaves_nothing(db), refused("PT429"), db.user(user_id) as user:
        user.execute(query, *[MESHY_TEXT] * 4)


def test_users_do_not_count_for_each_other(db: Database, user_id: UUID) -> None:
    """A busy neighbour takes nothing from anybody."""
    for _ in range(3):
        create(db, user_id)
    assert create(db, rich_user(db))["status"] == "QUEUED"


def test_the_service_role_is_exempt(db: Database, user_id: UUID) -> None:
    """Servers are not limited, and their calls count for nobody."""
    for _ in range(5):
        create_by_server(db, user_id)
    create(db, user_id)
    assert db.admin.value(HITS, user_id) == 1


def test_a_service_role_that_acts_for_a_user(db: Database, user_id: UUID) -> None:
    """Exempt too when its token names a user."""
    for _ in range(5):
        with db.request("service_role", sub=str(user_id)) as service:
            create_as(service)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_a_changed_limit_counts_at_once(db: Database, user_id: UUID, limit: int) -> None:
    """The setting of the moment decides; 0 stops creating."""
    set_setting(db, "rate_job_create_per_minute", limit)
    for _ in range(limit):
        create(db, user_id)
    with refused("PT429") as refusal:
        create(db, user_id)
    told = json.loads(refusal.detail or "")
    assert told["limit"] == limit
    assert 0 < told["retry_after"] <= 60


@pytest.mark.parametrize("limit", [1, 5])
def test_exact_from_eight_sessions(db: Database, user_id: UUID, limit: int) -> None:
    """Eight calls at once: as many pass as are allowed, no more and no fewer."""
    set_setting(db, "rate_job_create_per_minute", limit)
    with ThreadPoolExecutor(8) as pool:
        refusals = list(pool.map(lambda _: is_refused(db, user_id), range(16)))
    assert refusals.count(False) == limit
    assert db.admin.value("select count(*) from public.ai_jobs") == limit


def test_exact_for_two_sessions(db: Database, user_id: UUID) -> None:
    """The second of two at once waits for the first, and is told what is then true."""
    set_setting(db, "rate_job_create_per_minute", 1)
    with ThreadPoolExecutor(1) as pool, db.user(user_id) as first:
        create_as(first)
        with refused("PT429"), db.user(user_id) as second:
            waiting = pool.submit(create_as, second)
            db.wait_until_blocked(second)
            first.connection.execute("commit")
            waiting.result()


def test_a_first_call_that_rolls_back_counts_for_nothing(db: Database, user_id: UUID) -> None:
    """The second of two at once passes when the first gives up."""
    set_setting(db, "rate_job_create_per_minute", 1)
    with ThreadPoolExecutor(1) as pool, db.user(user_id) as first, db.user(user_id) as second:
        create_as(first)
        waiting = pool.submit(create_as, second)
        db.wait_until_blocked(second)
        first.connection.execute("rollback")
        assert waiting.result()["status"] == "QUEUED"


def test_polling_is_limited(db: Database, user_id: UUID) -> None:
    """get_ai_job counts against rate_poll_per_minute, apart from creating."""
    set_setting(db, "rate_poll_per_minute", 2)
    job_id = create(db, user_id)["id"]
    poll(db, user_id, job_id)
    poll(db, user_id, job_id)
    with leaves_nothing(db), refused("PT429") as refusal:
        poll(db, user_id, job_id)
    assert json.loads(refusal.detail or "")["limit"] == 2
    create(db, user_id)


def test_reading_the_table_is_not_polling(db: Database, user_id: UUID) -> None:
    """Selects and Realtime are not counted."""
    set_setting(db, "rate_poll_per_minute", 0)
    create(db, user_id)
    with db.user(user_id) as user:
        assert len(user.rows("select * from public.ai_jobs")) == 1


def test_a_poll_that_finds_nothing_is_not_counted(db: Database, user_id: UUID) -> None:
    """PT404 takes nothing from the minute."""
    with leaves_nothing(db), refused("PT404"):
        poll(db, user_id, user_id)


def test_the_service_role_polls_freely(db: Database, user_id: UUID) -> None:
    """Exempt here too."""
    set_setting(db, "rate_poll_per_minute", 0)
    job_id = create(db, user_id)["id"]
    with db.service() as service:
        assert service.value("select public.get_ai_job(%s)", job_id)["job"]["id"] == str(job_id)


def test_old_counters_are_cleaned_up(db: Database, user_id: UUID) -> None:
    """cleanup_rate_limits drops what nobody needs, and never the minute that counts."""
    old, recent = rich_user(db), user_id
    create(db, old)
    create(db, recent)
    db.admin.execute(AGE, "10 minutes", old)
    with db.service() as service:
        assert service.value("select public.cleanup_rate_limits(60)") == 0
        assert service.value("select public.cleanup_rate_limits(5)") == 1
        assert service.value("select public.cleanup_rate_limits(0)") == 0
    assert db.admin.values("select user_id from meshqueue.rates") == [recent]
