"""Every refusal says what was wrong, where, and what to do; and leaves nothing behind."""

import json
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.database import Database
from tests.support.jobs import (
    MESHY_TEXT,
    account,
    cancel,
    create,
    grant,
    new_worker,
    rich_user,
    set_setting,
)
from tests.support.refusals import Refusal, refused
from tests.support.traces import leaves_nothing

CALLS_ON_A_JOB = ("cancel_ai_job", "retry_ai_job", "get_ai_job")
CALLS_ON_AN_ASSET = ("publish_template", "unpublish_template", "delete_asset")
CREATE = 'create_ai_job(\'{"prompt": "a cube"}\')'
CREATE_WITH_CREDITS = 'create_ai_job_with_credits(\'{"prompt": "a cube"}\')'
EVERY_CALL = (
    CREATE,
    CREATE_WITH_CREDITS,
    *(f"{name}(gen_random_uuid())" for name in CALLS_ON_A_JOB + CALLS_ON_AN_ASSET),
    "get_credits()",
    "rotate_webhook_secret('MESHY')",
)
INSERT = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s)"


def says_what_to_do(refusal: Refusal) -> bool:
    return bool(refusal.message and refusal.hint)


@pytest.fixture
def user_id(db: Database) -> UUID:
    return rich_user(db, 1000)


# PT400 ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "x" * 601}, "prompt"),
        ({"prompt": 1}, "prompt"),
        ({"prompt": "x", "polycount": 1}, "polycount"),
        ({"prompt": "x", "remesh": {"target_polycount": 99}}, "remesh.target_polycount"),
        ({"prompt": "x", "provider": "REPLICATE"}, "provider"),
        ({"prompt": "x", "images": [{"url": "http://example.com"}]}, "images[0].url"),
    ],
)
def test_a_wrong_request(db: Database, user_id: UUID, request_: Any, field: str) -> None:
    """PT400 with the field's path, by insert as by RPC."""
    with leaves_nothing(db):
        with refused("PT400") as by_rpc:
            create(db, user_id, {**request_, "asset_title": "named"})
        with refused("PT400") as by_insert, db.user(user_id) as user:
            user.execute(INSERT, user_id, request_)
    assert by_rpc.detail == by_insert.detail == field
    assert says_what_to_do(by_rpc)


@pytest.mark.parametrize("body", [None, "null", "[]", "3", '"prompt"'])
def test_a_body_that_is_no_object(db: Database, user_id: UUID, body: str | None) -> None:
    """PT400 for request_payload itself."""
    with leaves_nothing(db):
        with refused("PT400") as refusal, db.user(user_id) as user:
            user.execute("select public.create_ai_job(%s::jsonb)", body)
        assert refusal.detail == "request_payload"
        with refused("PT400") as refusal, db.user(user_id) as user:
            user.execute("select public.create_ai_job(%s::jsonb, asset_title => 'x')", body)
    assert refusal.detail == "request_payload"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("client_task_id", ""),
        ("client_task_id", "x" * 129),
        ("idempotency_key", ""),
        ("idempotency_key", "x" * 201),
        ("metadata", json.dumps({"x": "y" * 2048})),
        ("metadata", "[]"),
        ("metadata", "null"),
    ],
)
def test_a_wrong_column(db: Database, user_id: UUID, column: str, value: str) -> None:
    """PT400 that names the column or argument."""
    insert = f"insert into public.ai_jobs (request_payload, {column}) values (%s, %s)"
    call = f"select public.create_ai_job(%s, {column} => %s)"
    with leaves_nothing(db):
        for query in (insert, call):
            with refused("PT400") as refusal, db.user(user_id) as user:
                user.execute(query, MESHY_TEXT, value)
            assert refusal.detail == column
            assert says_what_to_do(refusal)


def test_limits_of_the_columns_are_inclusive(db: Database, user_id: UUID) -> None:
    """The longest that is allowed passes."""
    made = create(
        db,
        user_id,
        client_task_id="x" * 128,
        idempotency_key="x" * 200,
        metadata={"x": "y" * (2048 - len('{"x": ""}'))},
    )
    assert len(made["metadata"]["x"]) > 2000


def test_a_server_has_to_name_the_user(db: Database) -> None:
    """PT400 when the service role leaves user_id out."""
    with leaves_nothing(db), refused("PT400") as refusal, db.service() as service:
        service.execute("insert into public.ai_jobs (request_payload) values (%s)", MESHY_TEXT)
    assert refusal.detail == "user_id"
    assert says_what_to_do(refusal)


# 42501 and PT401 --------------------------------------------------------------------------


def test_without_a_session_no_call_is_made(db: Database) -> None:
    """Anon may not execute them at all: PostgREST answers 401."""
    with leaves_nothing(db):
        for call in EVERY_CALL:
            with refused("42501"), db.anon() as anon:
                anon.execute(f"select public.{call}")


def test_without_a_session_nothing_is_inserted(db: Database, user_id: UUID) -> None:
    """Anon may not insert a job, for nobody and for somebody."""
    for owner in (None, user_id):
        with leaves_nothing(db), refused("42501"), db.anon() as anon:
            anon.execute(INSERT, owner, MESHY_TEXT)


CREATE_WITH_KEY = "create_ai_job('{\"prompt\": \"a cube\"}', idempotency_key => 'k')"
FOR_A_USER = ("get_credits()", "rotate_webhook_secret('MESHY')", CREATE_WITH_KEY)


@pytest.mark.parametrize("call", [CREATE, CREATE_WITH_CREDITS, *FOR_A_USER])
def test_a_token_without_a_user(db: Database, call: str) -> None:
    """PT401 for a session that names no user."""
    with (
        leaves_nothing(db),
        refused("PT401") as refusal,
        db.request("authenticated") as session,
    ):
        session.execute(f"select public.{call}")
    assert says_what_to_do(refusal)


@pytest.mark.parametrize("call", FOR_A_USER)
def test_a_server_where_a_user_is_needed(db: Database, call: str) -> None:
    """PT401 for the service role, which is nobody."""
    with leaves_nothing(db), refused("PT401") as refusal, db.service() as service:
        service.execute(f"select public.{call}")
    assert says_what_to_do(refusal)


@pytest.mark.parametrize("call", [CREATE, CREATE_WITH_CREDITS])
def test_a_server_that_creates_by_rpc(db: Database, call: str) -> None:
    """PT400 that says where a server can name the user."""
    with leaves_nothing(db), refused("PT400") as refusal, db.service() as service:
        service.execute(f"select public.{call}")
    assert refusal.detail == "user_id"
    assert "ai_jobs" in (refusal.hint or "")


@pytest.mark.parametrize("call", [*CALLS_ON_A_JOB, *CALLS_ON_AN_ASSET])
def test_a_token_without_a_user_reaches_nobodys_rows(
    db: Database, user_id: UUID, call: str
) -> None:
    """PT401, also for an id that exists."""
    made = create(db, user_id)
    wanted = made["asset_id"] if call in CALLS_ON_AN_ASSET else made["id"]
    with leaves_nothing(db), refused("PT401"), db.request("authenticated") as session:
        session.execute(f"select public.{call}(%s)", wanted)


# PT402 ------------------------------------------------------------------------------------


def test_not_enough_credits(db: Database) -> None:
    """PT402 with what is needed and what is available, by insert as by RPC."""
    user_id = rich_user(db, 47)
    create(db, user_id)
    with leaves_nothing(db):
        with refused("PT402") as by_rpc:
            create(db, user_id)
        with refused("PT402") as by_insert, db.user(user_id) as user:
            user.execute(INSERT, user_id, MESHY_TEXT)
    for refusal in (by_rpc, by_insert):
        assert json.loads(refusal.detail or "") == {"needed": 35, "available": 12}
        assert says_what_to_do(refusal)


def test_a_user_without_any_credits(db: Database) -> None:
    """PT402, nothing available."""
    user_id = db.new_user()
    with leaves_nothing(db), refused("PT402") as refusal:
        create(db, user_id)
    assert json.loads(refusal.detail or "") == {"needed": 35, "available": 0}


def test_the_rows_of_one_insert_are_paid_together(db: Database) -> None:
    """Two jobs in one insert with credits for one: neither is made."""
    user_id = rich_user(db, 40)
    query = "insert into public.ai_jobs (request_payload) values (%s), (%s)"
    with leaves_nothing(db), refused("PT402") as refusal, db.user(user_id) as user:
        user.execute(query, MESHY_TEXT, MESHY_TEXT)
    assert json.loads(refusal.detail or "") == {"needed": 35, "available": 5}


# PT403 ------------------------------------------------------------------------------------


def test_a_job_for_somebody_else(db: Database, user_id: UUID) -> None:
    """PT403 before anything of the other user is looked at, rich or poor."""
    rich, poor = rich_user(db, 1000), db.new_user()
    refusals = []
    for other in (rich, poor, uuid4()):
        with leaves_nothing(db), refused("PT403") as refusal, db.user(user_id) as user:
            user.execute(INSERT, other, {"prompt": 0})
        refusals.append((refusal.message, refusal.detail, refusal.hint))
    assert len(set(refusals)) == 1
    assert refusals[0][1] == "user_id"


@pytest.mark.parametrize("path", ["{other}/front.png", "front.png", "{own}", "{own}x/front.png"])
def test_an_image_of_somebody_else(db: Database, user_id: UUID, path: str) -> None:
    """PT403 for a path that does not begin with the caller's own id."""
    named = path.format(own=user_id, other=uuid4())
    with leaves_nothing(db), refused("PT403") as refusal:
        create(db, user_id, {"images": [{"path": named}]})
    assert refusal.detail == "images[0].path"
    assert says_what_to_do(refusal)


# PT404 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("call", [*CALLS_ON_A_JOB, *CALLS_ON_AN_ASSET])
def test_other_users_rows_do_not_exist(db: Database, user_id: UUID, call: str) -> None:
    """PT404, the same words for a row of somebody else as for none at all."""
    made = create(db, rich_user(db))
    of_another = made["asset_id"] if call in CALLS_ON_AN_ASSET else made["id"]
    argument = "asset_id" if call in CALLS_ON_AN_ASSET else "job_id"
    answers = set()
    for wanted in (of_another, uuid4(), None):
        with leaves_nothing(db), refused("PT404") as refusal, db.user(user_id) as user:
            user.execute(f"select public.{call}(%s::uuid)", wanted)
        answers.add((refusal.message, refusal.detail, refusal.hint))
    assert len(answers) == 1
    assert refusal.detail == argument
    assert says_what_to_do(refusal)


def test_an_asset_of_somebody_else_for_a_job(db: Database, user_id: UUID) -> None:
    """PT404, in the body, as argument and as column."""
    asset_id = create(db, rich_user(db))["asset_id"]
    insert = "insert into public.ai_jobs (asset_id, request_payload) values (%s, %s)"
    with leaves_nothing(db):
        for wanted in (asset_id, uuid4()):
            with refused("PT404") as refusal:
                create(db, user_id, asset_id=wanted)
            assert refusal.detail == "asset_id"
            with refused("PT404"):
                create(db, user_id, {"prompt": "x", "asset_id": str(wanted)})
            with refused("PT404"), db.user(user_id) as user:
                user.execute(insert, wanted, MESHY_TEXT)


def test_credits_for_nobody(db: Database) -> None:
    """PT404 when the service role names a user who is not there."""
    with leaves_nothing(db), refused("PT404") as refusal:
        grant(db, uuid4(), 5)
    assert refusal.detail == "user_id"


def test_a_job_for_nobody(db: Database) -> None:
    """A server that names a user who is not there makes no job."""
    for request in (MESHY_TEXT, {"prompt": "x", "create_asset": False}):
        with leaves_nothing(db), refused("23503"), db.service() as service:
            service.execute(INSERT, uuid4(), request)


# PT409 ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_canceling_what_is_over(db: Database, user_id: UUID, status: str) -> None:
    """PT409 with the job's id."""
    made = create(db, user_id)
    finish(db, made["id"], status)
    with leaves_nothing(db), refused("PT409") as refusal:
        cancel(db, user_id, made["id"])
    assert refusal.detail == str(made["id"])
    assert status.lower() in refusal.message
    assert says_what_to_do(refusal)


def test_canceling_twice(db: Database, user_id: UUID) -> None:
    """Canceling again returns the job and changes nothing."""
    made = create(db, user_id)
    first = cancel(db, user_id, made["id"])
    with leaves_nothing(db):
        assert cancel(db, user_id, made["id"]) == first
    assert account(db, user_id) == (1000, 0)


def finish(db: Database, job_id: UUID, status: str) -> None:
    worker = new_worker(db)
    run = worker.begin(job_id, "PREVIEW")
    if status == "FAILED":
        worker.fail(run)
        return
    worker.submit(run)
    worker.finish(run)
    for stage in ("REFINE", "REMESH", "DELIVER"):
        worker.work(job_id, stage)


# PT429 ------------------------------------------------------------------------------------


def test_too_many_jobs_a_minute(db: Database, user_id: UUID) -> None:
    """PT429 with the limit and the seconds to wait, by insert as by RPC."""
    set_setting(db, "rate_job_create_per_minute", 2)
    create(db, user_id)
    create(db, user_id)
    with leaves_nothing(db):
        with refused("PT429") as by_rpc:
            create(db, user_id)
        with refused("PT429") as by_insert, db.user(user_id) as user:
            user.execute(INSERT, user_id, MESHY_TEXT)
    for refusal in (by_rpc, by_insert):
        told = json.loads(refusal.detail or "")
        assert told["limit"] == 2
        assert 0 < told["retry_after"] <= 60
        assert says_what_to_do(refusal)


# PT503 ------------------------------------------------------------------------------------


def not_configured(db: Database) -> str:
    new_worker(db, TRIPO="key")
    return "not configured"


def not_configured_any_more(db: Database) -> str:
    """Its last worker was not seen for a week, while others go on."""
    gone, other = new_worker(db, MESHY="key"), new_worker(db, TRIPO="key")
    query = "update meshqueue.workers set seen_at = now() - interval '8 days' where id = %s"
    db.admin.execute(query, gone.id)
    other.heartbeat()
    return "not configured"


def paused_by_the_operator(db: Database) -> str:
    db.admin.execute("select meshqueue.pause_provider('MESHY')")
    return "paused"


def every_key_without_money(db: Database) -> str:
    new_worker(db, MESHY="key")
    db.admin.execute("select meshqueue.pause_provider('MESHY', 'key', 'out_of_credit')")
    return "paused"


@pytest.mark.parametrize(
    "arrange",
    [
        not_configured,
        not_configured_any_more,
        paused_by_the_operator,
        every_key_without_money,
    ],
)
def test_a_provider_that_takes_no_jobs(db: Database, user_id: UUID, arrange: Any) -> None:
    """PT503 that names the provider, by insert, by RPC and for a retry."""
    failed = cancel(db, user_id, create(db, user_id)["id"])
    reason = arrange(db)
    with leaves_nothing(db):
        with refused("PT503") as by_rpc:
            create(db, user_id)
        with refused("PT503") as by_insert, db.user(user_id) as user:
            user.execute(INSERT, user_id, MESHY_TEXT)
        with refused("PT503") as by_retry, db.user(user_id) as user:
            user.execute("select public.retry_ai_job(%s)", failed["id"])
    for refusal in (by_rpc, by_insert, by_retry):
        assert refusal.detail == "MESHY"
        assert reason in refusal.message
        assert says_what_to_do(refusal)


def test_workers_long_gone_refuse_nothing(db: Database, user_id: UUID) -> None:
    """A worker that was not seen for a week says nothing of what is configured now."""
    not_configured(db)
    db.admin.execute("update meshqueue.workers set seen_at = now() - interval '8 days'")
    assert create(db, user_id)["status"] == "QUEUED"


def test_a_worker_that_is_merely_down_refuses_nothing(db: Database, user_id: UUID) -> None:
    """Its provider stays configured while it is away for less than a week."""
    new_worker(db, MESHY="key")
    db.admin.execute("update meshqueue.workers set seen_at = now() - interval '6 days'")
    assert create(db, user_id)["status"] == "QUEUED"
