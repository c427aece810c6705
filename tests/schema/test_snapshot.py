"""A snapshot shows every way in which two databases can differ."""

import pytest

from tests.support.database import Database
from worker.schema.snapshot import differences, snapshot

CHANGES = {
    "columns public.ai_jobs.extra": "alter table public.ai_jobs add extra int",
    "constraints c on public.ai_jobs": "alter table public.ai_jobs add constraint c check (true)",
    "functions meshqueue.record_migration(integer,text,text,text)": (
        "grant execute on function meshqueue.record_migration to anon"
    ),
    "indexes public.extra": "create index extra on public.ai_jobs (status)",
    "policies extra on storage.objects": "create policy extra on storage.objects using (false)",
    "publications supabase_realtime: public.app_settings": (
        "alter publication supabase_realtime add table public.app_settings"
    ),
    "schemas meshqueue": "grant create on schema meshqueue to anon",
    "sequences public.extra": "create sequence public.extra",
    "tables public.ai_jobs": "alter table public.ai_jobs disable row level security",
    "triggers t on auth.users": (
        "create trigger t before update on auth.users for each row"
        " execute function suppress_redundant_updates_trigger()"
    ),
    "types public.extra": "create type public.extra as enum ('a')",
    "views public.extra": "create view public.extra as select",
}


@pytest.mark.parametrize("named", CHANGES)
def test_each_kind_of_drift_is_named(db: Database, named: str) -> None:
    """A change by hand is found, and nothing but it."""
    connection = db.postgres().connection
    before = snapshot(connection)
    connection.execute(CHANGES[named].encode())
    assert differences(before, snapshot(connection)) == [named]
    assert len(CHANGES) == len(before)
