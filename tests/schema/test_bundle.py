"""The bundle does in one SQL file what migrate does."""

import subprocess

import psycopg
import pytest

from tests.schema.tree import Tree, catalog, function
from tests.support.database import Database
from worker.embedded import installed_binaries
from worker.schema.bundle import bundle
from worker.schema.errors import SourceError
from worker.schema.migrate import check, migrate

SECOND = "create table public.t (id int primary key);"


def run_with_psql(project: Database, text: str, *options: str) -> subprocess.CompletedProcess[str]:
    psql = installed_binaries()[0].folder / "psql"
    command = [str(psql), "-X", "-q", *options, "-d", project.url()]
    return subprocess.run(command, input=text, text=True, capture_output=True, check=False)


def apply_bundle(project: Database, text: str) -> None:
    """As one query of many statements, which is how some runners send a file."""
    project.postgres().execute(text)


def test_bundle_equals_migrate(project: Database, twin: Database) -> None:
    """On a new project both leave the same catalog and the same records."""
    migrate(project.url())
    apply_bundle(twin, bundle())
    assert catalog(project) == catalog(twin)
    assert check(twin.url()) == []


def test_bundle_equals_migrate_on_an_older_project(
    project: Database, older_project: Database
) -> None:
    """Default grants of older projects make no difference to the bundle either."""
    migrate(project.url())
    apply_bundle(older_project, bundle())
    assert catalog(project) == catalog(older_project)


def test_psql_applies_the_bundle(project: Database) -> None:
    """psql, statement by statement, gets through without an error or a notice of one."""
    done = run_with_psql(project, bundle(), "-v", "ON_ERROR_STOP=1")
    assert (done.returncode, "ERROR" in done.stderr) == (0, False), done.stderr
    assert check(project.url()) == []


def test_a_bundle_is_refused_where_meshqueue_stands(project: Database, tree: Tree) -> None:
    """A second application changes nothing, even where errors do not stop the runner."""
    apply_bundle(project, bundle(sources=tree.sources()))
    before = catalog(project)
    refused = run_with_psql(project, bundle(sources=tree.sources()))
    assert "meshqueue was applied before" in refused.stderr
    assert catalog(project) == before


def test_a_bundle_is_refused_on_a_plain_postgres(blank_db: Database, tree: Tree) -> None:
    """Without a schema auth the message says what the bundle is for."""
    superuser = blank_db.superuser()
    with pytest.raises(psycopg.Error, match="no Supabase project"):
        superuser.execute(bundle(sources=tree.sources()))


def test_a_later_bundle_equals_migrate(project: Database, twin: Database, tree: Tree) -> None:
    """--since brings new migrations, changed, new and gone files, and what is built on them."""
    tree.migration("0002_t", SECOND)
    tree.function("engine/may", function("public.may", "select true", returns="boolean"))
    tree.function("policies/may", "create policy may on public.t using (public.may());")
    tree.function("api/same", function("public.same", "select 1"))
    gone = tree.function("api/gone", function("public.gone", "select 1"))
    for database in (project, twin):
        tree.applied_to(database)
        database.postgres().execute("create view public.theirs as select public.same()")
    tree.migration("0003_more", "alter table public.t add column more text;")
    tree.function("engine/may", function("public.may", "select false", returns="boolean"))
    tree.function("api/new", function("public.new", "select $q$ $$ ' $q$", returns="text"))
    gone.unlink()
    tree.applied_to(project)
    apply_bundle(twin, bundle(2, sources=tree.sources()))
    assert catalog(project) == catalog(twin)
    assert check(twin.url(), sources=tree.sources()) == []


def test_a_later_bundle_runs_with_psql(project: Database, tree: Tree) -> None:
    """Nested quotes survive a client that splits the file into statements."""
    tree.applied_to(project)
    tree.function("api/new", function("public.new", "select $q$;$$;'$q$", returns="text"))
    done = run_with_psql(project, bundle(1, sources=tree.sources()), "-v", "ON_ERROR_STOP=1")
    assert done.returncode == 0, done.stderr
    assert project.postgres().value("select public.new()") == ";$$;'"


def test_a_later_bundle_is_refused_at_another_version(project: Database, tree: Tree) -> None:
    """The message says where the bundle starts and where the database stands."""
    tree.applied_to(project)
    tree.migration("0002_t", SECOND)
    tree.migration("0003_more", "alter table public.t add column more text;")
    with pytest.raises(psycopg.Error, match=r"continues after migration 0002, .* stands at 1"):
        apply_bundle(project, bundle(2, sources=tree.sources()))


def test_a_later_bundle_is_refused_where_an_applied_migration_differs(
    project: Database, tree: Tree
) -> None:
    """The checksums of what the database has are part of the guard."""
    tree.migration("0002_t", SECOND)
    tree.applied_to(project)
    tree.migration("0002_t", SECOND + "-- edited")
    with pytest.raises(psycopg.Error, match="or an applied migration differs"):
        apply_bundle(project, bundle(2, sources=tree.sources()))


def test_a_later_bundle_is_refused_on_a_new_project(project: Database, tree: Tree) -> None:
    """Without the first bundle there is nothing to continue."""
    with pytest.raises(psycopg.Error, match="was never applied here"):
        apply_bundle(project, bundle(1, sources=tree.sources()))


@pytest.mark.parametrize("version", [0, 2])
def test_an_unknown_version_is_refused(tree: Tree, version: int) -> None:
    """--since takes a number that this release has."""
    with pytest.raises(SourceError, match=f"--since {version}: this release has the migrations"):
        bundle(version, sources=tree.sources())


def test_a_bundle_names_nothing_of_the_machine_that_made_it(tree: Tree) -> None:
    """It goes into users' repositories: no path of ours in it."""
    assert str(tree.root) not in bundle(sources=tree.sources())
    assert str(tree.root) not in bundle(1, sources=tree.sources())
