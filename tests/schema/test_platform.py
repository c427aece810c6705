"""A plain Postgres is made to look like a Supabase project; a real one is never touched."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from tests.schema.tree import Tree
from tests.support.database import Database
from worker.schema.errors import PlatformError
from worker.schema.migrate import check, migrate
from worker.schema.platform import ensure_platform

OUTDATED = "comment on schema auth is 'stands in for Supabase; made by meshqueue (older)'"
ANON_READS = "select has_table_privilege('anon', 'public.fresh', 'select')"
EMAIL = "select to_regprocedure('auth.email()') is not null"


def as_superuser(database: Database) -> str:
    return database.url(database.server.superuser)


@pytest.fixture
def nobody(blank_db: Database) -> Iterator[str]:
    """A role without any rights."""
    admin = blank_db.superuser()
    admin.execute(f"create role {blank_db.name} login password '{blank_db.server.password}'")
    yield blank_db.name
    admin.execute(f"drop role {blank_db.name}")


def test_a_superuser_gets_the_platform_first(blank_db: Database, tree: Tree) -> None:
    """On a plain Postgres, migrate says that it applies the platform, then goes on."""
    told: list[str] = []
    assert check(as_superuser(blank_db), sources=tree.sources())[0].label.startswith("platform:")
    migrate(as_superuser(blank_db), sources=tree.sources(), report=lambda p: told.append(p.text))
    assert told[0] == "platform: a plain Postgres now looks like a Supabase project"
    assert check(blank_db.url(), sources=tree.sources()) == []


def test_without_a_superuser_a_plain_postgres_is_refused(blank_db: Database, nobody: str) -> None:
    """The message says what the database is, what the role is not, and what to do."""
    with pytest.raises(PlatformError) as refused:
        migrate(blank_db.url(nobody))
    assert f"{nobody} is no superuser" in refused.value.what
    assert "--local" in refused.value.remedy


def test_a_supabase_project_is_never_touched(project: Database, tree: Tree) -> None:
    """What does not carry our mark stays as it is, even for a superuser."""
    admin = project.superuser()
    admin.execute("comment on schema auth is null; drop function auth.email()")
    assert ensure_platform(as_superuser(project)) is False
    migrate(as_superuser(project), sources=tree.sources())
    assert admin.value(EMAIL) is False


def test_our_own_platform_follows_its_files(project: Database) -> None:
    """When the files changed since, it is applied again; when not, it is not."""
    assert ensure_platform(as_superuser(project)) is False
    admin = project.superuser()
    mark = admin.value("select obj_description('auth'::regnamespace)")
    admin.execute("drop function auth.email()")
    admin.execute(OUTDATED)
    assert ensure_platform(as_superuser(project)) is True
    assert admin.value(EMAIL) is True
    assert admin.value("select obj_description('auth'::regnamespace)") == mark


def test_another_schema_auth_is_refused(blank_db: Database) -> None:
    """A program of that name may live there: nothing is written into it."""
    blank_db.superuser().execute("create schema auth")
    with pytest.raises(PlatformError, match="has a schema auth, but is no Supabase project"):
        ensure_platform(as_superuser(blank_db))


def test_two_databases_of_a_cluster_at_once(blank_db: Database, twin: Database) -> None:
    """Roles belong to the whole cluster; applying it twice at once still works."""
    twin.superuser().execute(
        "comment on schema auth is 'stands in for Supabase; made by meshqueue'"
    )
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(ensure_platform, map(as_superuser, (blank_db, twin)))) == [True, True]


@pytest.mark.parametrize(
    "statement",
    [
        "alter table auth.users add column mine int",
        "drop table storage.objects",
        "create table realtime.mine ()",
        "delete from storage.objects",
    ],
)
def test_postgres_can_do_no_more_than_on_supabase(project: Database, statement: str) -> None:
    """What a hosted project refuses is refused here, so that tests find it first."""
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        project.postgres().execute(statement)


def test_a_new_table_is_exposed_only_on_older_projects(
    project: Database, older_project: Database
) -> None:
    """Both of Supabase's regimes of default privileges can be had."""
    for database, exposed in ((project, False), (older_project, True)):
        session = database.postgres()
        session.execute("create table public.fresh ()")
        assert session.value(ANON_READS) is exposed
