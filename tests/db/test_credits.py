"""The ledger balances: what is reserved is settled or given back, and nothing goes below zero."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from tests.support.database import Database
from tests.support.engine import Worker
from tests.support.jobs import (
    MESHY_IMAGES,
    MESHY_TEXT,
    TRIPO_RIG,
    TRIPO_TEXT,
    account,
    cancel,
    create,
    grant,
    job,
    ledger,
    new_worker,
    rich_user,
    set_setting,
)
from tests.support.refusals import refused
from tests.support.traces import leaves_nothing

Row = dict[str, Any]

GRANT = "select * from public.grant_credits(%s, %s, 'top-up', %s)"
UNBALANCED = """
    select a.user_id
    from public.credit_accounts a left join public.credit_ledger l using (user_id)
    group by a.user_id, a.balance, a.reserved
    having a.balance <> coalesce(sum(l.amount), 0) or a.reserved <> coalesce(sum(l.hold), 0)
"""


@pytest.fixture
def user_id(db: Database) -> UUID:
    set_setting(db, "rate_job_create_per_minute", 1000)
    return rich_user(db, 1000)


@pytest.fixture
def worker(db: Database) -> Worker:
    return new_worker(db)


def finish(worker: Worker, made: Row) -> None:
    for stage in made["stages"]:
        worker.work(made["id"], stage)


def grant_once(db: Database, user_id: UUID, amount: int, reference: str) -> Row:
    with db.service() as service:
        return service.row(GRANT, user_id, amount, reference)


# reserve, settle, release -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "cost"),
    [
        (MESHY_TEXT, 35),
        ({"prompt": "a cube", "refine": False}, 10),
        ({"prompt": "a cube"}, 25),
        (MESHY_IMAGES, 25),
        (TRIPO_TEXT, 35),
        (TRIPO_RIG, 35),
    ],
)
def test_only_planned_stages_are_reserved(
    db: Database, user_id: UUID, request_: Row, cost: int
) -> None:
    """A job reserves what its own stages cost."""
    made = create(db, user_id, request_)
    assert made["credits_cost"] == cost
    assert account(db, user_id) == (1000, cost)


def test_success_settles(db: Database, user_id: UUID, worker: Worker) -> None:
    """What was reserved is paid when the model is delivered."""
    made = create(db, user_id)
    finish(worker, made)
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("settle", -35, -35)]
    assert account(db, user_id) == (965, 0)


def test_failure_releases(db: Database, user_id: UUID, worker: Worker) -> None:
    """A job that failed costs nothing."""
    made = create(db, user_id)
    worker.fail(worker.begin(made["id"], "PREVIEW"))
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("release", 0, -35)]
    assert account(db, user_id) == (1000, 0)


def test_cancel_releases(db: Database, user_id: UUID) -> None:
    """A canceled job costs nothing."""
    made = create(db, user_id)
    cancel(db, user_id, made["id"])
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("release", 0, -35)]


def test_expiry_releases(db: Database, user_id: UUID) -> None:
    """So does one that waited too long."""
    made = create(db, user_id)
    db.admin.execute("update public.ai_jobs set deadline_at = now() - interval '1 second'")
    db.admin.execute("select meshqueue.expire_jobs()")
    assert job(db, made["id"])["error_code"] == "queue_timeout"
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("release", 0, -35)]


def test_prices_of_the_creation_count(db: Database, user_id: UUID, worker: Worker) -> None:
    """What a job recorded is settled, whatever the settings say since."""
    made = create(db, user_id)
    for key in ("credit_cost_preview", "credit_cost_refine", "credit_cost_remesh"):
        set_setting(db, key, 500)
    set_setting(db, "credits_enabled", "false")
    finish(worker, made)
    assert ledger(db, made["id"]) == [("reserve", 0, 35), ("settle", -35, -35)]


def test_a_providers_own_price(db: Database, user_id: UUID) -> None:
    """A price named for a provider counts there only."""
    set_setting(db, "credit_cost_preview_tripo", 13)
    assert create(db, user_id, TRIPO_TEXT)["credits_cost"] == 38
    assert create(db, user_id, MESHY_TEXT)["credits_cost"] == 35


def test_a_provider_may_cost_nothing(db: Database, user_id: UUID) -> None:
    """A price of 0 is a price, not a missing one."""
    set_setting(db, "credit_cost_preview_meshy", 0)
    assert create(db, user_id, {"prompt": "a cube"})["credits_cost"] == 15


def test_without_credits(db: Database, worker: Worker) -> None:
    """credits_enabled false: jobs cost nothing, need no account and leave no line."""
    set_setting(db, "credits_enabled", "false")
    user_id = db.new_user()
    made = create(db, user_id)
    finish(worker, made)
    assert job(db, made["id"])["status"] == "SUCCEEDED"
    assert (made["credits_cost"], ledger(db, made["id"])) == (0, [])
    assert account(db, user_id) == (0, 0)


def test_credits_switched_on_again(db: Database, user_id: UUID, worker: Worker) -> None:
    """A job that was free when it was made stays free."""
    set_setting(db, "credits_enabled", "false")
    made = create(db, user_id)
    set_setting(db, "credits_enabled", "true")
    finish(worker, made)
    assert account(db, user_id) == (1000, 0)


# grants -----------------------------------------------------------------------------------


def test_a_grant_answers_with_the_account(db: Database) -> None:
    """The service role sees at once what the user has."""
    user_id = db.new_user()
    assert grant(db, user_id, 50) == {"user_id": user_id, "balance": 50, "reserved": 0}
    assert grant(db, user_id, 7)["balance"] == 57


def test_a_reference_grants_once(db: Database) -> None:
    """A payment that is told twice is granted once, and the second call is no error."""
    user_id = db.new_user()
    assert grant_once(db, user_id, 50, "pay-1")["balance"] == 50
    with leaves_nothing(db):
        assert grant_once(db, user_id, 50, "pay-1")["balance"] == 50
    assert grant_once(db, user_id, 50, "pay-2")["balance"] == 100


def test_a_reference_grants_once_for_ever(db: Database) -> None:
    """Not to another user either, nor after the first one has left."""
    first, second = db.new_user(), db.new_user()
    grant_once(db, first, 50, "pay-1")
    assert grant_once(db, second, 50, "pay-1")["balance"] == 0
    db.admin.execute("delete from auth.users where id = %s", first)
    assert grant_once(db, second, 50, "pay-1")["balance"] == 0


def test_a_reference_at_once(db: Database) -> None:
    """Eight calls with one reference, for two users, grant once altogether."""
    users = [db.new_user(), db.new_user()]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: grant_once(db, users[n % 2], 50, "pay-1"), range(8)))
    assert sum(account(db, user_id)[0] for user_id in users) == 50


def test_taking_nothing_uses_up_no_reference(db: Database) -> None:
    """Where nothing could be taken back, the same reference still grants."""
    user_id = db.new_user()
    with leaves_nothing(db):
        grant_once(db, user_id, -5, "pay-1")
    assert grant_once(db, user_id, 5, "pay-1")["balance"] == 5


def test_taking_back(db: Database, user_id: UUID) -> None:
    """A negative amount takes back what is available, and no credit that a job holds."""
    create(db, user_id)
    assert grant(db, user_id, -5) == {"user_id": user_id, "balance": 995, "reserved": 35}
    assert grant(db, user_id, -1_000_000) == {"user_id": user_id, "balance": 35, "reserved": 35}


@pytest.mark.parametrize("field", ["user_id", "amount"])
def test_a_grant_of_nothing(db: Database, field: str) -> None:
    """PT400 for a grant to nobody or of no credits."""
    user, amount = (None, 5) if field == "user_id" else (db.new_user(), 0)
    with leaves_nothing(db), refused("PT400") as refusal, db.service() as service:
        service.execute(GRANT, user, amount, None)
    assert refusal.detail == field
    assert refusal.hint


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_grant_nothing(db: Database, user_id: UUID, role: str) -> None:
    """Only the service role grants."""
    with leaves_nothing(db), refused("42501"), db.request(role, sub=str(user_id)) as client:
        client.execute(GRANT, user_id, 5, None)


# the ledger -------------------------------------------------------------------------------


CHANGES_OF_LINES = (
    "update public.credit_ledger set amount = amount + 1",
    "update public.credit_ledger set reason = 'another'",
    "update public.credit_ledger set user_id = gen_random_uuid()",
    "update public.credit_ledger set user_id = null, amount = 5",
    "delete from public.credit_ledger where true",
    "truncate public.credit_ledger",
)


def test_the_ledger_is_append_only(db: Database, user_id: UUID) -> None:
    """Not even the owner of the table changes a line."""
    create(db, user_id)
    with leaves_nothing(db):
        for change in CHANGES_OF_LINES:
            with refused("23001") as refusal:
                db.admin.execute(change)
            assert "append-only" in refusal.message


CHANGES_BY_THE_API = (
    "insert into public.credit_ledger (user_id, kind, amount) values (auth.uid(), 'grant', 5)",
    "update public.credit_accounts set balance = 5 where user_id = auth.uid()",
    "insert into public.credit_accounts values (auth.uid(), 5, 0)",
    "delete from public.credit_ledger where true",
)


@pytest.mark.parametrize("role", ["authenticated", "service_role"])
def test_no_api_role_writes_accounts(db: Database, user_id: UUID, role: str) -> None:
    """Neither users nor servers write ledger or accounts directly."""
    with leaves_nothing(db):
        for change in CHANGES_BY_THE_API:
            with refused("42501"), db.request(role, sub=str(user_id)) as session:
                session.execute(change)


@pytest.mark.parametrize("kind", ["reserve", "settle", "release"])
def test_one_reserve_and_one_ending(db: Database, user_id: UUID, worker: Worker, kind: str) -> None:
    """A second reserve, settle or release for a job can't be written."""
    made = create(db, user_id)
    finish(worker, made)
    query = """
        insert into public.credit_ledger (user_id, job_id, kind, amount, hold)
        values (%s, %s, %s, case when %s = 'settle' then -1 else 0 end,
          case when %s = 'reserve' then 1 else -1 end)
    """
    with leaves_nothing(db), refused("23505"):
        db.admin.execute(query, user_id, made["id"], kind, kind, kind)


MEANINGLESS = (
    "null, 'grant', 5, 5",
    "null, 'grant', 0, 0",
    "gen_random_uuid(), 'grant', 5, 0",
    "gen_random_uuid(), 'reserve', -5, 5",
    "null, 'reserve', 0, 5",
    "gen_random_uuid(), 'settle', 5, -5",
    "gen_random_uuid(), 'settle', -5, -4",
    "gen_random_uuid(), 'release', -1, -5",
    "gen_random_uuid(), 'release', 0, 5",
    "null, 'bonus', 5, 0",
    "gen_random_uuid(), 'bonus', 5, 0",
)


def test_a_line_that_means_nothing(db: Database, user_id: UUID) -> None:
    """Each kind of line has its form; others can't be written."""
    insert = "insert into public.credit_ledger (user_id, job_id, kind, amount, hold) values (%s, "
    with leaves_nothing(db):
        for line in MEANINGLESS:
            with refused("23514"):
                db.admin.execute(f"{insert}{line})", user_id)


@pytest.mark.parametrize("change", ["balance = -1", "reserved = -1", "reserved = balance + 1"])
def test_an_account_is_never_overdrawn(db: Database, user_id: UUID, change: str) -> None:
    """The table itself refuses it, whoever writes."""
    with refused("23514"):
        db.admin.execute(f"update public.credit_accounts set {change} where user_id = %s", user_id)


def test_the_last_credits_are_spent_once(db: Database, user_id: UUID) -> None:
    """Eight creates at once for credits of three: three are made, five get PT402."""
    grant(db, user_id, 3 * 35 - 1000)

    def try_to_create(_: int) -> bool:
        try:
            create(db, user_id)
        except Exception as error:  # noqa: BLE001 - told apart by its code below
            return getattr(error, "sqlstate", None) != "PT402"
        return True

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(try_to_create, range(8)))
    assert sum(outcomes) == 3
    assert db.admin.value("select count(*) from public.ai_jobs") == 3
    assert account(db, user_id) == (105, 105)


def test_everything_at_once_balances(db: Database, user_id: UUID) -> None:
    """Creates, cancels and grants in both directions at once: accounts equal their ledger."""

    def live(n: int) -> None:
        made = create(db, user_id, {"prompt": "a cube"})
        grant(db, user_id, (-1) ** n * 10)
        cancel(db, user_id, made["id"])
        cancel(db, user_id, made["id"])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(live, range(16)))
    assert db.admin.rows(UNBALANCED) == []
    assert account(db, user_id) == (1000, 0)


# get_credits ------------------------------------------------------------------------------


def test_get_credits(db: Database, user_id: UUID) -> None:
    """A user sees balance, reserved, available and the newest lines first."""
    made = create(db, user_id)
    with db.user(user_id) as user:
        credits_ = user.value("select public.get_credits()")
    assert (credits_["balance"], credits_["reserved"], credits_["available"]) == (1000, 35, 965)
    assert [line["kind"] for line in credits_["ledger"]] == ["reserve", "grant"]
    assert credits_["ledger"][0]["job_id"] == str(made["id"])
    assert credits_["ledger"][1]["amount"] == 1000


@pytest.mark.parametrize(("limit", "lines"), [(0, 0), (-1, 0), (1, 1), (2, 2), (10_000, 3)])
def test_how_many_lines(db: Database, user_id: UUID, limit: int, lines: int) -> None:
    """ledger_limit says how many; nonsense is put right."""
    create(db, user_id)
    create(db, user_id)
    with db.user(user_id) as user:
        credits_ = user.value("select public.get_credits(%s)", limit)
    assert len(credits_["ledger"]) == lines


def test_get_credits_of_a_new_user(db: Database) -> None:
    """Nothing yet: zeros, no error."""
    with db.user(db.new_user()) as user:
        credits_ = user.value("select public.get_credits()")
    assert credits_ == {"balance": 0, "reserved": 0, "available": 0, "ledger": []}


# sign-up ----------------------------------------------------------------------------------


def test_everybody_gets_an_account(db: Database) -> None:
    """Signing up opens an account, empty unless the operator says otherwise."""
    assert account(db, db.new_user()) == (0, 0)


def test_welcome_credits(db: Database) -> None:
    """signup_credits are granted at sign-up, once."""
    set_setting(db, "signup_credits", 40)
    user_id = db.new_user()
    assert account(db, user_id) == (40, 0)
    db.admin.execute("update auth.users set is_anonymous = is_anonymous where id = %s", user_id)
    assert account(db, user_id) == (40, 0)


def test_no_welcome_credits_for_anonymous_users(db: Database) -> None:
    """Anonymous sign-ins cost nothing to make: they get nothing."""
    set_setting(db, "signup_credits", 40)
    assert account(db, db.new_user(anonymous=True)) == (0, 0)


def test_welcome_credits_on_conversion(db: Database) -> None:
    """An anonymous user who becomes a real one gets them then, once."""
    set_setting(db, "signup_credits", 40)
    user_id = db.new_user(anonymous=True)
    for anonymous in (False, True, False):
        db.admin.execute(
            "update auth.users set is_anonymous = %s where id = %s", anonymous, user_id
        )
    assert account(db, user_id) == (40, 0)


@pytest.mark.parametrize(
    "breakage",
    [
        "alter table public.credit_accounts rename to elsewhere",
        "alter table public.credit_ledger rename to elsewhere",
        "alter table meshqueue.in_force rename to elsewhere",
        "drop function meshqueue.setting(text)",
        'update meshqueue.in_force set settings = \'{"signup_credits": "many"}\'',
    ],
)
def test_a_fault_never_stops_a_sign_up(db: Database, breakage: str) -> None:
    """Whatever is broken here, people can sign up; the account is opened when it is needed."""
    set_setting(db, "signup_credits", 40)
    db.admin.execute(breakage)
    user_id = db.new_user()
    assert db.admin.value("select count(*) from auth.users where id = %s", user_id) == 1


def test_an_account_that_was_never_opened(db: Database) -> None:
    """A user from before meshqueue can be granted credits and spend them."""
    user_id = db.new_user()
    db.admin.execute("delete from public.credit_accounts where user_id = %s", user_id)
    with refused("PT402"):
        create(db, user_id)
    grant(db, user_id, 35)
    create(db, user_id)
    assert account(db, user_id) == (35, 35)
