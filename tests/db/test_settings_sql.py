"""Settings: wrong ones are refused with their key, right ones count at once."""

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
    slots_taken,
    waiting,
)
from tests.support.refusals import refused

IN_FORCE = "select meshqueue.setting(%s)"
TOKENS = "select count(*) from meshqueue.slots where pool = 'meshy'"
CHANGE = """
    insert into public.app_settings (key, value) values (%s, %s)
    on conflict (key) do update set value = excluded.value
"""
DEFAULTS = {
    "credit_cost_preview": "10",
    "credit_cost_refine": "15",
    "credit_cost_remesh": "10",
    "credit_cost_generate": "25",
    "credit_cost_rig": "10",
    "credit_cost_concept": "5",
    "credit_cost_deliver": "0",
    "rate_job_create_per_minute": "5",
    "rate_poll_per_minute": "30",
    "rate_roblox_publish_per_minute": "2",
    "credits_enabled": "true",
    "signup_credits": "0",
    "max_in_flight_meshy": "10",
    "max_in_flight_tripo_model": "10",
    "max_in_flight_tripo_processing": "5",
    "max_in_flight_tripo_animation": "10",
    "job_wait_minutes": "1440",
    "job_deadline_minutes": "120",
    "delivery_deadline_minutes": "1440",
    "cancel_refund": "all",
    "deliver_best": "true",
    "keep_original_days": "30",
    "notify_news": "false",
    "optimise_preset": "balanced",
    "moderation": "true",
}


def drop(db: Database, key: str) -> None:
    with db.service() as service:
        service.execute("delete from public.app_settings where key = %s", key)


def create_many(db: Database, count: int) -> list[UUID]:
    user_id = rich_user(db)
    return [create_by_server(db, user_id, PREVIEW_ONLY)["id"] for _ in range(count)]


def test_what_is_seeded(db: Database) -> None:
    """A new database holds the contract's defaults, and nothing else."""
    with db.service() as service:
        rows = service.rows("select key, value from public.app_settings")
    assert {row["key"]: row["value"] for row in rows} == DEFAULTS


TYPOS = (
    ("credit_cost_preview", "ten"),
    ("credit_cost_preview", "-1"),
    ("credit_cost_preview", "1.5"),
    ("credit_cost_preview", " 10"),
    ("credit_cost_preview", "10\n"),
    ("credit_cost_preview", ""),
    ("credit_cost_preview", "1000001"),
    ("credit_cost_preview", "99999999999999999999"),
    ("credit_cost_preview", "\u0661\u0660"),  # digits, but not of the kind that a cast reads
    ("credit_cost_preview_tripo", "ten"),
    ("max_provider_credits_per_day_meshy", "much"),
    ("rate_job_create_per_minute", "10001"),
    ("max_in_flight_meshy", "10001"),
    ("job_wait_minutes", "0"),
    ("credits_enabled", "yes"),
    ("credits_enabled", "True"),
    ("cancel_refund", "some"),
    ("optimise_preset", "tiny"),
)


def test_a_typo_is_refused(db: Database) -> None:
    """PT400 with the key; the value in force before still counts."""
    for key, value in TYPOS:
        before = db.admin.value(IN_FORCE, key)
        with refused("PT400") as refusal:
            set_setting(db, key, value)
        assert refusal.detail == key
        assert key in refusal.message
        assert refusal.hint
        assert db.admin.value(IN_FORCE, key) == before


def test_a_typo_in_hand_written_sql(db: Database) -> None:
    """Neither does an UPDATE of many rows, or the owner's own, get past the check."""
    with refused("PT400"):
        db.admin.execute("update public.app_settings set value = 'x' where key like 'rate%'")
    with refused("23502"):
        db.admin.execute("update public.app_settings set value = null where true")


@pytest.mark.parametrize("key", ["credit_cost_preview_openai", "max_provider_credits_per_day"])
def test_keys_per_provider(db: Database, key: str) -> None:
    """A key that may be named per provider is checked as such."""
    set_setting(db, key, 7)
    assert db.admin.value(IN_FORCE, key) == "7"


@pytest.mark.parametrize(
    "key", ["meshy_dispatch_url", "tripo_dispatch_url", "meshy_internal_key", "credit_cost", "x"]
)
def test_unknown_keys_are_kept(db: Database, key: str) -> None:
    """What is not ours is stored as it is and has no effect."""
    set_setting(db, key, "anything: at all")
    with db.service() as service:
        query = "select value, is_public from public.app_settings where key = %s"
        assert service.row(query, key) == {"value": "anything: at all", "is_public": False}
    assert db.admin.value(IN_FORCE, key) is None


def another(rule: dict[str, Any]) -> str:
    """A value that is right, and not the default."""
    if rule["kind"] == "boolean":
        return "true" if DEFAULTS[rule["key"]] == "false" else "false"
    return "7" if rule["kind"] == "integer" else str(rule["choices"][-1])


def test_a_deleted_setting_falls_back(db: Database) -> None:
    """Without a row the default counts, for each setting."""
    query = "select key, kind, choices from meshqueue.setting_rules where default_value is not null"
    for rule in db.admin.rows(query):
        set_setting(db, rule["key"], another(rule))
        assert db.admin.value(IN_FORCE, rule["key"]) != DEFAULTS[rule["key"]]
        drop(db, rule["key"])
        assert db.admin.value(IN_FORCE, rule["key"]) == DEFAULTS[rule["key"]]


def test_an_optional_setting_deleted(db: Database) -> None:
    """A setting without a default is simply not set any more."""
    set_setting(db, "max_provider_credits_per_day_meshy", 7)
    drop(db, "max_provider_credits_per_day_meshy")
    assert db.admin.value(IN_FORCE, "max_provider_credits_per_day_meshy") is None


def test_all_settings_deleted(db: Database) -> None:
    """An empty table is a table of defaults."""
    with db.service() as service:
        service.execute("delete from public.app_settings where true")
    in_force = db.admin.value("select settings from meshqueue.in_force")
    assert in_force == DEFAULTS
    assert db.admin.value(TOKENS) == 10


def test_raising_a_limit_admits_at_once(db: Database) -> None:
    """Jobs that waited are begun in the transaction that raises the limit."""
    set_setting(db, "max_in_flight_meshy", 1)
    first, second, third = create_many(db, 3)
    assert waiting(db, "meshy") == [second, third]
    set_setting(db, "max_in_flight_meshy", 2)
    assert waiting(db, "meshy") == [third]
    query = "select job_id from meshqueue.runs order by id"
    assert db.admin.values(query) == [first, second]


def test_lowering_a_limit_admits_no_more(db: Database) -> None:
    """Free places go at once; taken ones stay until they are freed."""
    set_setting(db, "max_in_flight_meshy", 3)
    create_many(db, 2)
    set_setting(db, "max_in_flight_meshy", 1)
    assert (db.admin.value(TOKENS), slots_taken(db, "meshy")) == (2, 2)
    create_many(db, 1)
    assert slots_taken(db, "meshy") == 2


def test_a_limit_of_nothing(db: Database) -> None:
    """0 lets everything wait and refuses nothing."""
    set_setting(db, "max_in_flight_meshy", 0)
    jobs = create_many(db, 2)
    assert waiting(db, "meshy") == jobs
    drop(db, "max_in_flight_meshy")
    assert waiting(db, "meshy") == []


def test_a_rolled_back_change_changes_nothing(db: Database) -> None:
    """A setting counts when its transaction commits, not before."""
    other = db.postgres()
    other.execute("begin")
    other.execute("update public.app_settings set value = '1' where key = 'max_in_flight_meshy'")
    assert db.admin.value(IN_FORCE, "max_in_flight_meshy") == "10"
    other.execute("rollback")
    assert db.admin.value(TOKENS) == 10


@pytest.mark.parametrize("key", ["max_in_flight_meshy", "a_key_of_the_operators"])
def test_a_change_that_is_left_open_stops_nobody(db: Database, key: str) -> None:
    """While a transaction with a setting hangs, jobs are made and done, and workers come."""
    worker, user, other = new_worker(db), rich_user(db), db.postgres()
    with other.connection.transaction():
        other.execute(CHANGE, key, "2")
        worker.heartbeat()
        made = create(db, user, PREVIEW_ONLY)
        worker.work(made["id"], "PREVIEW")
        assert slots_taken(db, "meshy") == 0
        db.admin.execute("select meshqueue.pause_provider('TRIPO')")
        new_worker(db).work(made["id"], "DELIVER")


def test_a_pause_that_met_an_open_change_is_noted_by_a_heartbeat(db: Database) -> None:
    """A provider that was paused meanwhile takes jobs for some seconds at most."""
    worker, user, other = new_worker(db), rich_user(db), db.postgres()
    with other.connection.transaction():
        other.execute(CHANGE, "signup_credits", "2")
        db.admin.execute("select meshqueue.pause_provider('MESHY')")
    worker.heartbeat()
    with refused("PT503"):
        create(db, user, PREVIEW_ONLY)


@pytest.mark.parametrize("role", ["anon", "authenticated"])
def test_clients_neither_read_nor_write_settings(db: Database, role: str) -> None:
    """The table is the operator's."""
    for query in (
        "select * from public.app_settings",
        "insert into public.app_settings (key, value) values ('signup_credits', '99')",
        "update public.app_settings set value = '1' where true",
        "delete from public.app_settings where true",
    ):
        with refused("42501"), db.request(role, sub=str(db.new_user())) as client:
            client.execute(query)


def test_public_settings(db: Database) -> None:
    """Everybody may know prices, limits, formats and what is open; and nothing else."""
    set_setting(db, "meshy_internal_key", "secret")
    set_setting(db, "credit_cost_remesh", 12)
    with db.anon() as anon:
        told = anon.value("select public.get_public_settings()")
    assert (told["credit_cost_remesh"], told["credit_cost_preview"]) == (12, 10)
    assert (told["rate_job_create_per_minute"], told["credits_enabled"]) == (5, True)
    assert told["formats"] == ["glb", "fbx", "obj", "usdz", "stl", "3mf"]
    assert told["polycount"] == {"min": 100, "max": 300000}
    assert told["providers"] == {
        "MESHY": {"configured": True, "paused": False},
        "TRIPO": {"configured": True, "paused": False},
    }
    hidden = {"meshy_internal_key", "signup_credits", "max_in_flight_meshy", "moderation"}
    assert not hidden & told.keys()


def test_public_settings_show_pauses(db: Database) -> None:
    """A client sees which provider takes no jobs, before it asks for one."""
    db.admin.execute("select meshqueue.pause_provider('TRIPO')")
    query = "insert into meshqueue.workers (id, serves) values (gen_random_uuid(), %s)"
    db.admin.execute(query, {"TRIPO": "key"})
    with db.user(db.new_user()) as user:
        told = user.value("select public.get_public_settings() -> 'providers'")
    assert told == {
        "MESHY": {"configured": False, "paused": False},
        "TRIPO": {"configured": True, "paused": True},
    }


def test_an_operator_may_publish_a_setting(db: Database) -> None:
    """is_public on a key of the operator's own shows it to clients, as it is."""
    with db.service() as service:
        service.execute("insert into public.app_settings values ('news', 'Hello', true)")
    with db.anon() as anon:
        assert anon.value("select public.get_public_settings() ->> 'news'") == "Hello"
