"""Drift: each kind of change by hand is found, by the check that is about it and by no other."""

from dataclasses import replace

import pytest
from psycopg import sql

from tests.doctor.place import FINE, Place
from tests.schema.conftest import made_project
from tests.support.database import Database
from worker.doctor.finding import Level
from worker.schema.migrate import migrate

# (the check, what it says, whether it only warns): what was done
DRIFT = {
    "columns | missing: public.ai_jobs.kind": "alter table public.ai_jobs drop kind cascade",
    "columns | changed: public.assets.title": "alter table public.assets alter title set not null",
    "columns | extra: public.ai_jobs.extra": "alter table public.ai_jobs add extra int",
    "constraints and indexes | missing: public.ai_jobs_user": "drop index public.ai_jobs_user",
    "constraints and indexes | missing: runs_ended on meshqueue.runs": (
        "alter table meshqueue.runs drop constraint runs_ended"
    ),
    "functions | changed: meshqueue.lease()": (
        "create or replace function meshqueue.lease() returns interval language sql immutable"
        " set search_path = pg_catalog, pg_temp as $$ select interval '3 seconds' $$"
    ),
    "functions | missing: public.cancel_ai_job(uuid)": "drop function public.cancel_ai_job",
    "functions | extra: public.cancel_ai_job(text)": (
        "create function public.cancel_ai_job(job_id text) returns void language sql as ''"
    ),
    "triggers | changed: pauses_changed on meshqueue.pauses": (
        "alter table meshqueue.pauses disable trigger pauses_changed"
    ),
    "policies | missing: own_jobs on public.ai_jobs": "drop policy own_jobs on public.ai_jobs",
    "policies | missing: meshqueue_inputs_add on storage.objects": (
        "drop policy meshqueue_inputs_add on storage.objects"
    ),
    "policies | changed: own_ledger on public.credit_ledger": (
        "alter policy own_ledger on public.credit_ledger using (true)"
    ),
    "policies | extra: everybody on public.ai_jobs": (
        "create policy everybody on public.ai_jobs for select using (true)"
    ),
    "grants | public.ai_jobs": "grant update on public.ai_jobs to authenticated",
    "grants | public.get_credits(integer)": (
        "revoke execute on function public.get_credits from authenticated"
    ),
    "tables | changed: public.credit_accounts": (
        "alter table public.credit_accounts disable row level security"
    ),
    "tables | changed: public.job_status": "alter type public.job_status add value 'PARKED'",
    "tables | missing: meshqueue.hints": "drop table meshqueue.hints",
    "views | missing: public.ai_job_metrics_daily": "drop view public.ai_job_metrics_daily",
}
ALSO = {
    "tables | missing: meshqueue.hints": ("constraints and indexes",),
    "columns | missing: public.ai_jobs.kind": ("views",),
}


@pytest.mark.parametrize("fault", DRIFT)
async def test_drift(place: Place, fault: str) -> None:
    """The change is found and named; an addition warns, what is missing or changed fails."""
    name, told = fault.split(" | ")
    place.db.admin.execute(DRIFT[fault])
    level = Level.WARNING if told.startswith("extra") else Level.FAILING
    finding = await place.finds(name, level, also=ALSO.get(fault, ()))
    assert told in finding.what


async def test_what_an_app_keeps_beside_us(place: Place) -> None:
    """Tables, functions, policies and buckets of the app's own are no drift."""
    for statement in (
        "create table public.notes (id int primary key)",
        "create index notes_id on public.notes (id)",
        "create function public.shout(text) returns text language sql as 'select upper($1)'",
        "create policy mine on storage.objects for select using (bucket_id = 'mine')",
        "create type public.mood as enum ('good')",
        "alter publication supabase_realtime add table public.notes",
        (
            "create trigger mine before update on storage.objects for each row"
            " execute function suppress_redundant_updates_trigger()"
        ),
    ):
        place.db.admin.execute(statement)
    found = await place.findings()
    assert {name for name, each in found.items() if each.level not in FINE} == set()


async def test_what_the_platform_has_of_its_own(place: Place) -> None:
    """Another release of the platform's storage has other triggers: that is no drift."""
    place.db.superuser().execute("drop trigger protect_objects_delete on storage.objects")
    found = await place.findings()
    assert found["triggers"].level is Level.OK


async def test_the_advice_puts_it_right(place: Place) -> None:
    """What came from function files comes back by the two commands that are named."""
    place.db.admin.execute("drop policy own_jobs on public.ai_jobs")
    place.db.admin.execute("drop function public.cancel_ai_job")
    found = await place.findings()
    assert "checksum = 'apply again'" in found["policies"].what_to_do
    assert found["functions"].what_to_do == found["policies"].what_to_do
    place.db.admin.execute("update meshqueue.function_files set checksum = 'apply again'")
    migrate(place.db.url())
    found = await place.findings()
    assert {name for name, each in found.items() if each.level not in FINE} == set()


async def test_an_older_manifest_is_not_believed(place: Place) -> None:
    """In a checkout whose SQL was changed since, drift can't be told, and that is said."""
    expected = replace(place.expected, made_from="older")
    finding = await place.finds("manifest", Level.WARNING, expected=expected)
    assert "make manifest" in finding.what_to_do
    found = await place.findings(expected=expected)
    assert found["columns"].what == found["grants"].what == "needs manifest"


async def test_another_procrastinate(place: Place) -> None:
    """A newer library brought its own schema: that is not ours to call drift; the rest is."""
    place.db.admin.execute("alter table procrastinate.procrastinate_jobs add extra int")
    await place.finds("columns", Level.WARNING)
    other = replace(place.expected, queue="3.99.0")
    assert (await place.findings(expected=other))["columns"].level is Level.OK
    place.db.admin.execute("alter table meshqueue.hints add extra int")
    finding = await place.finds("columns", Level.WARNING, expected=other)
    assert "1 differ: extra: meshqueue.hints.extra" in finding.what


async def test_never_migrated(place: Place, blank_db: Database) -> None:
    """An empty project is one finding, not forty."""
    project = made_project(blank_db)
    found = await place.findings(url=project.url())
    assert "never applied" in found["migrations"].what
    assert found["columns"].what == "needs migrations"
    assert found["workers"].level is Level.SKIPPED


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("delete from meshqueue.migrations where version = 1", "was never applied"),
        ("delete from meshqueue.migrations where version = %(newest)s", "1 pending: migration"),
        ("update meshqueue.migrations set checksum = 'x' where version = 2", "edited after"),
        (
            "insert into meshqueue.migrations values (99, '0099_later', 'x', '9.9.9')",
            "applied by release 9.9.9",
        ),
        ("update meshqueue.function_files set checksum = 'x'", "pending: functions"),
    ],
)
async def test_migrations_that_do_not_fit(place: Place, statement: str, told: str) -> None:
    """Missing, edited, of a later release: told apart, and what needs them is skipped."""
    newest = place.db.admin.value("select max(version) from meshqueue.migrations")
    place.db.admin.execute(statement % {"newest": newest})
    finding = await place.finds("migrations", Level.FAILING)
    assert told in finding.what


async def test_another_version_of_the_queue(place: Place) -> None:
    """Procrastinate's schema and the library are compared by name."""
    table = sql.Identifier("meshqueue", "procrastinate_migrations").as_string()
    place.db.admin.execute(f"delete from {table} where name = (select max(name) from {table})")
    finding = await place.finds("queue's schema", Level.FAILING, also=("migrations",))
    assert "was not applied" in finding.what
    place.db.admin.execute(f"insert into {table} values ('99.00.00_01_later.sql', '99', '1')")
    finding = await place.finds("queue's schema", Level.FAILING, also=("migrations",))
    assert "99.00.00_01_later.sql" in finding.what
