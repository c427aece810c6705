"""The same key means the same job, however often and however parallel it is sent."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.jobs import (
    MESHY_TEXT,
    STAGES,
    account,
    cancel,
    create,
    create_as,
    job,
    ledger,
    rich_user,
    set_setting,
)
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

KEYED_INSERT = "insert into public.ai_jobs (idempotency_key, request_payload) values (%s, %s)"


@pytest.fixture
def user_id(db: Database) -> UUID:
    return rich_user(db, 100)


def test_a_repeat_returns_the_job(db: Database, user_id: UUID) -> None:
    """Same key, same request by RPC: the job that exists, charged once."""
    first = create(db, user_id, idempotency_key="k")
    with leaves_nothing(db):
        assert create(db, user_id, idempotency_key="k") == first
    assert ledger(db, first["id"]) == [("reserve", 0, 35)]


def test_a_repeat_by_the_other_call(db: Database, user_id: UUID) -> None:
    """Both RPCs know each other's keys."""
    first = create(db, user_id, idempotency_key="k")
    with leaves_nothing(db), db.user(user_id) as user:
        query = f"select *, {STAGES} from public.create_ai_job(%s, idempotency_key => 'k')"
        assert user.row(query, MESHY_TEXT) == first


def test_a_repeat_by_arguments(db: Database, user_id: UUID) -> None:
    """Arguments and body count as one request."""
    first = create(db, user_id, {"prompt": "a cube"}, asset_title="Cube", idempotency_key="k")
    flat = {"prompt": "a cube", "asset_title": "Cube"}
    assert create(db, user_id, flat, idempotency_key="k") == first


def test_a_repeat_for_a_job_that_is_over(db: Database, user_id: UUID) -> None:
    """The key stays used when the job has ended."""
    first = create(db, user_id, idempotency_key="k")
    cancel(db, user_id, first["id"])
    assert create(db, user_id, idempotency_key="k") == job(db, first["id"])


@pytest.mark.parametrize(
    "other",
    [
        {"request": {"prompt": "another"}},
        {"client_task_id": "another"},
        {"metadata": {"another": 1}},
        {"asset_title": "another"},
        {"provider": "TRIPO"},
        {"create_asset": False},
    ],
    ids=str,
)
def test_another_request_with_the_key(db: Database, user_id: UUID, other: dict[str, str]) -> None:
    """PT409 with the id of the job that the key made."""
    first = create(db, user_id, idempotency_key="k")
    with leaves_nothing(db), refused("PT409") as refusal:
        create(db, user_id, **{"idempotency_key": "k", **other})  # type: ignore[arg-type]
    assert refusal.detail == str(first["id"])
    assert refusal.hint


def test_a_repeat_by_direct_insert(db: Database, user_id: UUID) -> None:
    """PT409 with the job's id, even for the same request: an insert can't return another row."""
    first = create(db, user_id, idempotency_key="k")
    with leaves_nothing(db), refused("PT409") as refusal, db.user(user_id) as user:
        user.execute(KEYED_INSERT, "k", MESHY_TEXT)
    assert refusal.detail == str(first["id"])


def test_the_same_key_twice_in_one_insert(db: Database, user_id: UUID) -> None:
    """PT409, and neither row is made."""
    query = f"{KEYED_INSERT}, (%s, %s)"
    with leaves_nothing(db), refused("PT409"), db.user(user_id) as user:
        user.execute(query, "k", MESHY_TEXT, "k", MESHY_TEXT)


def test_keys_of_two_users_do_not_meet(db: Database, user_id: UUID) -> None:
    """A key is the user's own."""
    other = rich_user(db, 100)
    assert create(db, user_id, idempotency_key="k") != create(db, other, idempotency_key="k")


def test_a_repeat_is_not_refused_for_rate(db: Database, user_id: UUID) -> None:
    """A client that repeats a lost answer gets it, although its minute is full."""
    set_setting(db, "rate_job_create_per_minute", 1)
    first = create(db, user_id, idempotency_key="k")
    with refused("PT429"):
        create(db, user_id)
    assert create(db, user_id, idempotency_key="k") == first


def test_a_repeat_is_not_refused_for_money(db: Database) -> None:
    """Nor because the first call took the last credits."""
    user_id = rich_user(db, 35)
    first = create(db, user_id, idempotency_key="k")
    with refused("PT402"):
        create(db, user_id)
    assert create(db, user_id, idempotency_key="k") == first


def test_a_repeat_is_not_refused_for_a_pause(db: Database, user_id: UUID) -> None:
    """Nor because the provider has been paused since."""
    first = create(db, user_id, idempotency_key="k")
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    assert create(db, user_id, idempotency_key="k") == first


def test_other_requests_get_409_before_429_and_402(db: Database) -> None:
    """The key is looked at first: a clash is told, whatever rate and credits say."""
    user_id = rich_user(db, 35)
    set_setting(db, "rate_job_create_per_minute", 1)
    first = create(db, user_id, idempotency_key="k")
    with refused("PT409") as by_rpc:
        create(db, user_id, {"prompt": "another"}, idempotency_key="k")
    with refused("PT409") as by_insert, db.user(user_id) as user:
        user.execute(KEYED_INSERT, "k", MESHY_TEXT)
    assert by_rpc.detail == by_insert.detail == str(first["id"])


def test_a_refused_call_uses_up_no_key(db: Database) -> None:
    """After a refusal the same key makes the job."""
    user_id = db.new_user()
    with refused("PT402"):
        create(db, user_id, idempotency_key="k")
    db.admin.execute("select public.grant_credits(%s, 35, 'test')", user_id)
    assert create(db, user_id, idempotency_key="k")["status"] == "QUEUED"


def test_the_same_key_at_once(db: Database, user_id: UUID) -> None:
    """Two sessions with one key: the second waits and gets the first's job."""
    with ThreadPoolExecutor(1) as pool, db.user(user_id) as first, db.user(user_id) as second:
        made = create_as(first, idempotency_key="k")
        repeat = pool.submit(create_as, second, idempotency_key="k")
        db.wait_until_blocked(second)
        first.connection.execute("commit")
        assert repeat.result() == made
    assert account(db, user_id) == (100, 35)


def test_the_same_key_at_once_when_the_first_gives_up(db: Database, user_id: UUID) -> None:
    """A first call that rolls back leaves the key to the second."""
    with ThreadPoolExecutor(1) as pool, db.user(user_id) as first, db.user(user_id) as second:
        made = create_as(first, idempotency_key="k")
        repeat = pool.submit(create_as, second, idempotency_key="k")
        db.wait_until_blocked(second)
        first.connection.execute("rollback")
        assert repeat.result()["id"] != made["id"]
    assert account(db, user_id) == (100, 35)


def test_an_insert_that_meets_the_key_under_way(db: Database, user_id: UUID) -> None:
    """A direct insert with a key that another session is using waits, then gets PT409."""
    with ThreadPoolExecutor(1) as pool, db.user(user_id) as first:
        made = create_as(first, idempotency_key="k")
        with refused("PT409") as refusal, db.user(user_id) as second:
            repeat = pool.submit(second.execute, KEYED_INSERT, "k", MESHY_TEXT)
            db.wait_until_blocked(second)
            first.connection.execute("commit")
            repeat.result()
    assert refusal.detail == str(made["id"])
    assert account(db, user_id) == (100, 35)


def test_one_key_from_eight_sessions(db: Database, user_id: UUID) -> None:
    """Eight calls at once make one job and one charge."""
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create(db, user_id, idempotency_key="k"), range(8)))
    assert len({one["id"] for one in made}) == 1
    assert account(db, user_id) == (100, 35)
