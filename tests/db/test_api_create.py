"""Making a job: one path, whichever way a client takes."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.support.database import Database
from tests.support.jobs import (
    MESHY_TEXT,
    STAGES,
    TRIPO_RIG,
    account,
    create,
    create_as,
    job,
    ledger,
    rich_user,
    set_setting,
)
from tests.support.refusals import refused
from tests.support.session import Session
from tests.support.traces import leaves_nothing

Row = dict[str, Any]

INSERT = "insert into public.ai_jobs (request_payload) values (%s) returning *"
RPC = "select * from public.create_ai_job(%s)"
RPC_WITH_CREDITS = "select * from public.create_ai_job_with_credits(%s)"
EVERY_WAY = (INSERT, RPC, RPC_WITH_CREDITS)

# What may differ between two jobs of one request.
OF_THE_ROW = {"id", "asset_id", "created_at", "deadline_at"}


@pytest.fixture
def user_id(db: Database) -> UUID:
    set_setting(db, "rate_job_create_per_minute", 1000)
    return rich_user(db, 1000)


def in_every_way(db: Database, user_id: UUID, request: Row) -> list[Row]:
    with db.user(user_id) as user:
        return [user.row(query, request) for query in EVERY_WAY]


def runs_of(db: Database, job_id: UUID) -> list[Row]:
    query = "select provider, stage, pool, credits, state from meshqueue.runs where job_id = %s"
    return db.admin.rows(query, job_id)


@pytest.mark.parametrize("request_", [MESHY_TEXT, TRIPO_RIG], ids=["meshy", "tripo"])
def test_all_ways_make_the_same_job(db: Database, user_id: UUID, request_: Row) -> None:
    """The insert and both RPCs plan the same stages and reserve the same credits."""
    made = in_every_way(db, user_id, request_)
    shown = [{name: made[name] for name in made.keys() - OF_THE_ROW} for made in made]
    assert shown[0] == shown[1] == shown[2]
    assert all(ledger(db, one["id"]) == ledger(db, made[0]["id"]) != [] for one in made)
    assert all(runs_of(db, one["id"]) == runs_of(db, made[0]["id"]) for one in made)


def test_a_client_that_says_nothing_gets_defaults(db: Database, user_id: UUID) -> None:
    """user_id, provider, metadata and an asset come of themselves."""
    made = create(db, user_id, {"prompt": "a cube"})
    assert (made["user_id"], made["provider"], made["metadata"]) == (user_id, "MESHY", {})
    assert (made["kind"], made["stages"]) == ("text_to_3d", ["PREVIEW", "REFINE", "DELIVER"])
    assert made["asset_id"] is not None


def test_what_the_client_named_is_kept(db: Database, user_id: UUID) -> None:
    """Grouping, key and the app's own data come back as they were sent."""
    metadata = {"project_id": 7, "style": "noir"}
    made = create(db, user_id, client_task_id="part-1", idempotency_key="k", metadata=metadata)
    assert (made["client_task_id"], made["idempotency_key"]) == ("part-1", "k")
    assert made["metadata"] == metadata


def test_rigging_goes_to_tripo(db: Database, user_id: UUID) -> None:
    """requires_rig routes to Tripo, whatever provider was named."""
    made = create(db, user_id, {"prompt": "a knight", "requires_rig": True, "provider": "MESHY"})
    assert made["provider"] == "TRIPO"
    assert made["stages"] == ["PREVIEW", "REFINE", "RIG", "DELIVER"]


def test_no_asset_when_none_is_wanted(db: Database, user_id: UUID) -> None:
    """create_asset false makes a job without an asset, as an argument and in the body."""
    as_argument = create(db, user_id, {"prompt": "a cube"}, create_asset=False)
    in_the_body = create(db, user_id, {"prompt": "a cube", "create_asset": False})
    assert (as_argument["asset_id"], in_the_body["asset_id"]) == (None, None)
    assert db.admin.value("select count(*) from public.assets") == 0


def test_a_job_for_an_asset_that_exists(db: Database, user_id: UUID) -> None:
    """asset_id works on the user's own asset; in the body, as argument and as column."""
    first = create(db, user_id)
    asset_id = first["asset_id"]
    as_argument = create(db, user_id, asset_id=asset_id)
    in_the_body = create(db, user_id, {"prompt": "a cube", "asset_id": str(asset_id)})
    with db.user(user_id) as user:
        query = "insert into public.ai_jobs (asset_id, request_payload) values (%s, %s) returning *"
        as_column = user.row(query, asset_id, MESHY_TEXT)
    assert {as_argument["asset_id"], in_the_body["asset_id"], as_column["asset_id"]} == {asset_id}
    assert db.admin.value("select count(*) from public.assets") == 1


def test_a_flat_body_equals_the_arguments(db: Database, user_id: UUID) -> None:
    """Clients that send one flat body get the job that the arguments make."""
    named = {"provider": "TRIPO", "asset_title": "Katana", "asset_description": "Sharp"}
    flat = create(db, user_id, {"prompt": "katana", **named})
    by_arguments = create(db, user_id, {"prompt": "katana"}, **named)
    assert flat["request_payload"] == by_arguments["request_payload"]
    assert flat["provider"] == by_arguments["provider"] == "TRIPO"
    query = "select title, description from public.assets where id = %s"
    assert db.admin.row(query, flat["asset_id"]) == db.admin.row(query, by_arguments["asset_id"])


@pytest.mark.parametrize(
    ("argument", "in_body", "in_call"),
    [
        ("provider", "MESHY", "TRIPO"),
        ("asset_title", "Katana", "Sword"),
        ("asset_description", "Sharp", "Blunt"),
        ("asset_id", "0c9f7d6e-1a2b-4c3d-8e4f-5a6b7c8d9e0f", uuid4()),
        ("create_asset", True, False),
    ],
)
def test_a_contradiction_is_refused(
    db: Database, user_id: UUID, argument: str, in_body: object, in_call: object
) -> None:
    """Two values for one thing: PT400, which names the field."""
    with leaves_nothing(db), refused("PT400") as refusal:
        create(db, user_id, {"prompt": "a cube", argument: in_body}, **{argument: in_call})
    assert refusal.detail == argument


def test_the_column_may_not_contradict_the_body(db: Database, user_id: UUID) -> None:
    """Named beside the request and inside it, an asset must be the same."""
    own, other = create(db, user_id)["asset_id"], create(db, user_id)["asset_id"]
    query = "insert into public.ai_jobs (asset_id, request_payload) values (%s, %s)"
    with refused("PT400") as refusal, db.user(user_id) as user:
        user.execute(query, own, {"prompt": "a cube", "asset_id": str(other)})
    assert refusal.detail == "asset_id"


def test_many_rows_in_one_insert(db: Database, user_id: UUID) -> None:
    """Each row of an insert is a job of its own, and each is paid."""
    query = "insert into public.ai_jobs (request_payload) values (%s), (%s), (%s) returning id"
    with db.user(user_id) as user:
        ids = user.values(query, MESHY_TEXT, MESHY_TEXT, {"prompt": "a cube", "refine": False})
    assert [ledger(db, job_id) for job_id in ids] == [
        [("reserve", 0, 35)],
        [("reserve", 0, 35)],
        [("reserve", 0, 10)],
    ]
    assert account(db, user_id) == (1000, 80)


def test_one_bad_row_undoes_the_insert(db: Database, user_id: UUID) -> None:
    """Of an insert of several rows all are made, or none."""
    query = "insert into public.ai_jobs (request_payload) values (%s), (%s)"
    with leaves_nothing(db), refused("PT400"), db.user(user_id) as user:
        user.execute(query, MESHY_TEXT, {"prompt": ""})


def test_a_row_that_on_conflict_drops_costs_nothing(db: Database, user_id: UUID) -> None:
    """ON CONFLICT DO NOTHING: what was not inserted is not charged, queued or told."""
    made = create(db, user_id)
    query = """
        insert into public.ai_jobs (id, user_id, request_payload) values (%s, %s, %s)
        on conflict (id) do nothing
    """
    with leaves_nothing(db):
        assert db.admin.execute(query, made["id"], user_id, MESHY_TEXT).rowcount == 0


STATE = {
    "id": "gen_random_uuid()",
    "status": "'SUCCEEDED'",
    "stage": "'DELIVER'",
    "progress": "100",
    "credits_cost": "0",
    "stages": "'{DELIVER}'",
    "stage_credits": "'{0}'",
    "kind": "'text_to_3d'",
    "result_payload": "'{}'",
    "error_code": "'x'",
    "error_message": "'x'",
    "retry_of": "null",
    "created_at": "now()",
    "started_at": "now()",
    "finished_at": "now()",
    "deadline_at": "now()",
}


def test_a_client_sets_no_state(db: Database, user_id: UUID) -> None:
    """Columns that the engine owns are not a client's to write, at insert or later."""
    made = create(db, user_id)
    with leaves_nothing(db):
        for column, value in STATE.items():
            insert = f"insert into public.ai_jobs (request_payload, {column}) values (%s, {value})"
            with refused("42501"), db.user(user_id) as user:
                user.execute(insert, MESHY_TEXT)
            with refused("42501"), db.user(user_id) as user:
                user.execute(
                    f"update public.ai_jobs set {column} = {value} where id = %s", made["id"]
                )


def test_a_client_updates_nothing_of_a_job(db: Database, user_id: UUID) -> None:
    """Not even what it sent itself: a job is what was asked for."""
    made = create(db, user_id)
    for column in ("request_payload", "metadata", "client_task_id", "asset_id"):
        with refused("42501"), db.user(user_id) as user:
            user.execute(f"update public.ai_jobs set {column} = {column} where id = %s", made["id"])
    with refused("42501"), db.user(user_id) as user:
        user.execute("delete from public.ai_jobs where id = %s", made["id"])


def test_the_plan_and_its_price_are_never_handed_in(db: Database, user_id: UUID) -> None:
    """Hand-written SQL that names a plan or a price gets those of the request."""
    query = """
        insert into public.ai_jobs (user_id, request_payload, credits_cost, stage, kind, stages,
          stage_credits, deadline_at)
        values (%s, %s, 0, 'DELIVER', 'x', '{DELIVER}', '{0}', now() + interval '9 years')
        returning id
    """
    by_hand = job(db, db.admin.value(query, user_id, MESHY_TEXT))
    usual = create(db, user_id)
    for column in ("credits_cost", "stage", "kind", "stages", "stage_credits"):
        assert by_hand[column] == usual[column]
    assert ledger(db, by_hand["id"]) == [("reserve", 0, 35)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("status", "SUCCEEDED"),
        ("progress", 50),
        ("created_at", "2020-01-01"),
        ("result_payload", "{}"),
    ],
)
def test_a_job_begins_at_its_beginning(
    db: Database, user_id: UUID, column: str, value: object
) -> None:
    """Nobody, hand-written SQL included, enters a job that is half done: PT400."""
    query = f"insert into public.ai_jobs (user_id, request_payload, {column}) values (%s, %s, %s)"
    with leaves_nothing(db), refused("PT400") as refusal:
        db.admin.execute(query, user_id, MESHY_TEXT, value)
    assert refusal.detail == "status"


def test_everything_of_a_job_can_be_selected(db: Database, user_id: UUID) -> None:
    """select('*') works for its owner: no column is hidden by a grant."""
    made = create(db, user_id)
    with db.user(user_id) as user:
        seen = user.row(f"select *, {STAGES} from public.ai_jobs where id = %s", made["id"])
    assert seen == made


def test_a_server_makes_a_job_for_a_user(db: Database, user_id: UUID) -> None:
    """The service role names the user, who pays."""
    query = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s) returning *"
    with db.service() as service:
        made = service.row(query, user_id, MESHY_TEXT)
    assert made["user_id"] == user_id
    assert account(db, user_id) == (1000, 35)


def test_creating_tells_the_users_devices(db: Database, user_id: UUID) -> None:
    """The private topic of the user hears of the new job, and no other topic does."""
    made = create(db, user_id)
    message = db.admin.row("select topic, event, private, payload from realtime.messages")
    assert (message["topic"], message["event"], message["private"]) == (
        f"user:{user_id}",
        "job",
        True,
    )
    assert message["payload"]["job_id"] == str(made["id"])


def test_waiting_has_a_deadline(db: Database, user_id: UUID) -> None:
    """A new job's deadline is that for waiting."""
    set_setting(db, "job_wait_minutes", 7)
    made = job(db, create(db, user_id)["id"])
    assert (made["deadline_at"] - made["created_at"]).total_seconds() == 7 * 60


def test_null_arguments_are_defaults(db: Database, user_id: UUID) -> None:
    """A client that sends null for what it leaves out gets the defaults."""

    def with_nulls(user: Session) -> Row:
        return create_as(
            user,
            {"prompt": "a cube"},
            create_asset=None,
            asset_title=None,
            asset_id=None,
            provider=None,
            metadata=None,
        )

    with db.user(user_id) as user:
        made = with_nulls(user)
    assert made["metadata"] == {}
    assert made["asset_id"] is not None
