"""What a user can read: what is theirs, whole, and nothing else."""

from typing import Any
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.jobs import (
    PREVIEW_ONLY,
    create,
    create_by_server,
    new_worker,
    rich_user,
    set_setting,
)
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

Row = dict[str, Any]

OWNED = ("ai_jobs", "assets", "credit_accounts", "credit_ledger")
READ = "select public.get_ai_job(%s)"


@pytest.fixture
def owner(db: Database) -> UUID:
    return rich_user(db, 1000)


def read(db: Database, user_id: UUID, job_id: UUID) -> Row:
    with db.user(user_id) as user:
        answer = user.value(READ, job_id)
    assert isinstance(answer, dict)
    return answer


def finish(db: Database, made: Row) -> None:
    worker = new_worker(db)
    for stage in made["stages"]:
        worker.work(made["id"], stage)


# rows -------------------------------------------------------------------------------------


def test_rows_of_others_are_invisible(db: Database, owner: UUID) -> None:
    """A user sees their own rows, another user theirs, anon none."""
    create(db, owner)
    other = rich_user(db)
    create(db, other)
    for user_id in (owner, other):
        with db.user(user_id) as user:
            for table in OWNED:
                assert set(user.values(f"select user_id from public.{table}")) == {user_id}


@pytest.mark.parametrize("table", ["ai_job_events", "asset_files"])
def test_details_of_others_are_invisible(db: Database, owner: UUID, table: str) -> None:
    """Events and files follow the job."""
    made = create(db, owner)
    finish(db, made)
    with db.user(owner) as user:
        assert set(user.values(f"select job_id from public.{table}")) == {made["id"]}
    with db.user(rich_user(db)) as other:
        assert other.rows(f"select * from public.{table}") == []


def test_anon_reads_no_table(db: Database, owner: UUID) -> None:
    """Without a session there is nothing to see, nor a right to look."""
    create(db, owner)
    for table in ("ai_jobs", "ai_job_events", "credit_accounts", "credit_ledger"):
        with refused("42501"), db.anon() as anon:
            anon.execute(f"select * from public.{table}")


def test_a_token_without_a_user_sees_nothing(db: Database, owner: UUID) -> None:
    """No user, no rows."""
    finish(db, create(db, owner))
    with db.request("authenticated") as nobody:
        for table in (*OWNED, "ai_job_events", "asset_files"):
            assert nobody.rows(f"select * from public.{table}") == []


def test_the_server_reads_everything(db: Database, owner: UUID) -> None:
    """The service role sees all users' rows."""
    create(db, owner)
    create(db, rich_user(db))
    with db.service() as service:
        for table in OWNED:
            assert service.value(f"select count(distinct user_id) from public.{table}") == 2


def test_no_address_of_the_provider_is_shown(db: Database, owner: UUID) -> None:
    """What the provider answered stays with the engine: a user's rows hold none of it."""
    made = create(db, owner)
    worker = new_worker(db)
    run = worker.begin(made["id"], "PREVIEW")
    worker.submit(run)
    worker.finish(run, {"model_url": "https://provider.example/signed"})
    worker.fail(worker.begin(made["id"], "REFINE"))
    with db.user(owner) as user:
        shown = [
            row["row"]
            for table in (*OWNED, "ai_job_events", "asset_files")
            for row in user.rows(f"select t::text as row from public.{table} t")
        ]
        shown.append(str(user.value(READ, made["id"])))
    assert [row for row in shown if "provider.example" in row] == []


# get_ai_job -------------------------------------------------------------------------------


def test_get_ai_job(db: Database, owner: UUID) -> None:
    """One call answers with the job, its events and its files."""
    made = create(db, owner)
    finish(db, made)
    answer = read(db, owner, made["id"])
    assert answer.keys() == {"job", "events", "files", "queue_position"}
    assert (answer["job"]["id"], answer["job"]["status"]) == (str(made["id"]), "SUCCEEDED")
    assert answer["events"][0]["status"] == "QUEUED"
    assert answer["events"][-1]["status"] == "SUCCEEDED"
    assert [file["role"] for file in answer["files"]] == ["model"]
    assert answer["queue_position"] is None


def test_the_place_in_the_queue(db: Database, owner: UUID) -> None:
    """A waiting job's user is told how many come before it; a working one has no place."""
    set_setting(db, "max_in_flight_meshy", 1)
    other = rich_user(db)
    working = create_by_server(db, other, PREVIEW_ONLY)
    first, second = (create(db, owner, PREVIEW_ONLY) for _ in range(2))
    assert read(db, other, working["id"])["queue_position"] is None
    assert read(db, owner, first["id"])["queue_position"] == 1
    assert read(db, owner, second["id"])["queue_position"] == 2
    create_by_server(db, other, PREVIEW_ONLY)
    assert read(db, owner, second["id"])["queue_position"] == 3


def test_the_server_reads_any_job(db: Database, owner: UUID) -> None:
    """The service role names a job of anybody."""
    made = create(db, owner)
    with leaves_nothing(db), db.service() as service:
        assert service.value(READ, made["id"])["job"]["user_id"] == str(owner)


# secrets ----------------------------------------------------------------------------------


def test_a_webhook_secret_is_shown_once(db: Database, owner: UUID) -> None:
    """Only its hash is kept, in a schema that no client reaches."""
    with db.user(owner) as user:
        secret = user.value("select public.rotate_webhook_secret('MESHY')")
    kept = db.admin.row("select * from meshqueue.user_provider_secrets")
    assert len(secret) > 60
    assert secret not in str(kept)
    hashed = db.admin.value("select sha256(%s::text::bytea)", secret)
    assert kept["secret_sha256"] == hashed


def test_rotating_replaces(db: Database, owner: UUID) -> None:
    """A new secret makes the old one worthless; each provider has its own."""
    call = "select public.rotate_webhook_secret(%s)"
    with db.user(owner) as user:
        secrets = [user.value(call, name) for name in ("MESHY", "MESHY", "TRIPO")]
    assert len(set(secrets)) == 3
    assert db.admin.value("select count(*) from meshqueue.user_provider_secrets") == 2


def test_not_rotating_keeps(db: Database, owner: UUID) -> None:
    """Rotate false makes a first secret, and refuses with PT409 to replace one."""
    call = "select public.rotate_webhook_secret('MESHY', false)"
    with db.user(owner) as user:
        assert user.value(call)
    with leaves_nothing(db), refused("PT409") as refusal, db.user(owner) as user:
        user.execute(call)
    assert refusal.detail == "rotate"
    assert refusal.hint


# for servers ------------------------------------------------------------------------------


def test_daily_metrics(db: Database, owner: UUID) -> None:
    """Per day, provider and kind: how many, how they ended, what they brought."""
    finish(db, create(db, owner))
    create(db, owner)
    with db.service() as service:
        (row,) = service.rows("select * from public.ai_job_metrics_daily")
    assert (row["provider"], row["kind"]) == ("MESHY", "text_to_3d")
    assert (row["jobs"], row["succeeded"], row["failed"], row["canceled"]) == (2, 1, 0, 0)
    assert row["credits_of_succeeded"] == 35


FOR_SERVERS = (
    "select * from public.ai_job_metrics_daily",
    "select public.cleanup_rate_limits(1)",
    "select public.cleanup_job_events(1)",
    "select meshqueue.clean_events(0)",
    "select * from meshqueue.grant_to(gen_random_uuid(), 1, 'x', null)",
)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_what_is_for_servers(db: Database, role: str) -> None:
    """Clients call none of it."""
    user_id = str(db.new_user())
    for query in FOR_SERVERS:
        with refused("42501"), db.request(role, sub=user_id) as client:
            client.execute(query)


def test_events_are_cleaned_up(db: Database, owner: UUID) -> None:
    """Old events of jobs that are over go; those of a job that lives stay."""
    over, alive = create(db, owner), create(db, owner)
    finish(db, over)
    db.admin.execute("update public.ai_job_events set created_at = now() - interval '40 days'")
    with db.service() as service:
        assert service.value("select public.cleanup_job_events(41)") == 0
        assert service.value("select public.cleanup_job_events(30)") > 1
    left = db.admin.values("select distinct job_id from public.ai_job_events")
    assert left == [alive["id"]]
