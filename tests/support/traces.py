"""What a call leaves behind in the database: a refused one leaves nothing."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.database import Database

TABLES = (
    "public.ai_jobs",
    "public.ai_job_events",
    "public.assets",
    "public.asset_files",
    "public.credit_accounts",
    "public.credit_ledger",
    "meshqueue.runs",
    "meshqueue.waiting",
    "meshqueue.ring",
    "meshqueue.slots",
    "meshqueue.rates",
    "meshqueue.publications",
    "meshqueue.removals",
    "procrastinate.procrastinate_jobs",
    "realtime.messages",
)


def traces(db: Database) -> dict[str, str]:
    """A digest of every row of each table that a call could write."""
    return {table: db.admin.value(DIGEST.format(table=table)) for table in TABLES}


@contextmanager
def leaves_nothing(db: Database) -> Iterator[None]:
    before = traces(db)
    yield
    assert traces(db) == before


DIGEST = "select md5(coalesce(string_agg(t::text, ';' order by t::text), '')) from {table} t"
