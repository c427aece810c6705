"""procrastinate's own schema: sealed off, and upgraded without stopping the last release."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from procrastinate.schema import SchemaManager

from tests.schema.tree import Tree, catalog
from tests.support.database import Database
from worker.schema.bundle import bundle
from worker.schema.errors import HistoryError
from worker.schema.migrate import check
from worker.schema.queue import FIRST_BASELINE, queue_migrations
from worker.schema.snapshot import differences

DEFER = """
    select procrastinate.procrastinate_defer_jobs_v1(
      array[row('q', 'task', 0, null, null, '{}', null)]
        ::procrastinate.procrastinate_job_to_defer_v1[])
"""
PRE = "03.99.00_01_pre_add_colour.sql"
POST = "03.99.00_50_post_add_colour.sql"
PRE_TEXT = """
alter table procrastinate_jobs add column colour text;
create or replace function procrastinate_unregister_worker_v1(worker_id bigint)
returns void language plpgsql
as $$ begin delete from procrastinate_workers where id = worker_id; end $$;
create function procrastinate_new_v1() returns bigint language sql
as 'select count(*) from procrastinate_jobs';
"""
POST_TEXT = "alter table procrastinate_jobs alter column colour set default 'red';"


@pytest.fixture
def upgraded(tmp_path: Path, tree: Tree) -> Tree:
    """The next release, with a procrastinate that brings two migrations."""
    folder = tmp_path / "queue"
    shutil.copytree(SchemaManager.get_migrations_path(), folder)
    (folder / PRE).write_text(PRE_TEXT)
    (folder / POST).write_text(POST_TEXT)
    tree.queue = replace(tree.queue, version="3.99.0", migrations=queue_migrations(folder))
    tree.release = "2.0.0"
    return tree


def test_the_schema_is_recorded(project: Database, tree: Tree) -> None:
    """The package's version stands beside every migration that its schema contains."""
    tree.applied_to(project)
    query = "select name, package_version from meshqueue.procrastinate_migrations order by name"
    recorded = {row["name"]: row["package_version"] for row in project.postgres().rows(query)}
    assert recorded == dict.fromkeys(tree.queue.names, tree.queue.version)
    assert FIRST_BASELINE in recorded


def test_jobs_are_deferred_whatever_the_search_path(project: Database, tree: Tree) -> None:
    """Our functions run with an empty search_path; its triggers would fail there (42704)."""
    tree.applied_to(project)
    session = project.postgres()
    session.execute("set search_path = ''")
    session.execute(DEFER)
    assert session.value("select count(*) from procrastinate.procrastinate_events") == 1


@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role"])
def test_clients_reach_nothing_of_it(project: Database, tree: Tree, role: str) -> None:
    """No grant on its schema, tables, sequences or functions, whatever the defaults are."""
    tree.applied_to(project)
    allowed = """
        select has_schema_privilege(%(role)s, 'procrastinate', 'usage')
          or exists (select from pg_proc where pronamespace = 'procrastinate'::regnamespace
                     and has_function_privilege(%(role)s, oid, 'execute'))
          or exists (select from pg_class where relnamespace = 'procrastinate'::regnamespace
                     and relkind = 'r' and has_table_privilege(%(role)s, oid, 'select'))
    """
    assert project.postgres().value(allowed, role=role) is False


def test_an_upgrade_spares_the_last_release(project: Database, upgraded: Tree) -> None:
    """`pre` migrations come with the release, `post` ones with the release after it."""
    first = Tree(upgraded.root.parent / "first")
    first.applied_to(project)
    assert upgraded.applied_to(project) == 2
    assert state(project) == {PRE: True, POST: False}
    assert check(project.url(), sources=upgraded.sources()) == []
    upgraded.release = "2.1.0"
    assert upgraded.applied_to(project) == 1
    assert state(project) == {PRE: True, POST: True}
    assert check(project.url(), sources=upgraded.sources()) == []


def state(project: Database) -> dict[str, bool]:
    query = (
        "select name, applied_at is not null as applied from meshqueue.procrastinate_migrations"
        " where package_version = '3.99.0' order by name"
    )
    return {row["name"]: row["applied"] for row in project.postgres().rows(query)}


def test_an_upgrade_seals_what_it_brings(project: Database, upgraded: Tree) -> None:
    """Replaced and new functions get the search_path and lose the grants of PUBLIC."""
    Tree(upgraded.root.parent / "first").applied_to(project)
    upgraded.applied_to(project)
    unsealed = """
        select proname::text from pg_proc where pronamespace = 'procrastinate'::regnamespace
        and (not coalesce(proconfig, '{}') @> array['search_path=procrastinate, pg_temp']
             or has_function_privilege('anon', oid, 'execute'))
    """
    assert project.postgres().values(unsealed) == []


@pytest.mark.parametrize("releases", [["2.0.0"], ["2.0.0", "2.1.0"]])
def test_a_bundle_upgrades_like_migrate(
    project: Database, twin: Database, upgraded: Tree, releases: list[str]
) -> None:
    """The bundle decides in the database what is due, what is held back and what is done."""
    for database in (project, twin):
        Tree(upgraded.root.parent / database.name).applied_to(database)
    for release in releases:
        upgraded.release = release
        upgraded.applied_to(project)
        twin.postgres().execute(bundle(1, sources=upgraded.sources()))
    assert differences(catalog(project), catalog(twin)) == []
    assert state(project) == state(twin)


def test_a_new_installation_has_nothing_to_hold_back(project: Database, upgraded: Tree) -> None:
    """The package's schema contains its migrations: they are recorded, not run."""
    upgraded.applied_to(project)
    assert state(project)[POST]
    assert check(project.url(), sources=upgraded.sources()) == []


def test_an_older_procrastinate_is_refused(project: Database, upgraded: Tree) -> None:
    """The message names the migration that the installed package does not know."""
    older = Tree(upgraded.root.parent / "older")
    upgraded.applied_to(project)
    with pytest.raises(HistoryError, match=f"{POST}(.|\n)*Install a newer procrastinate"):
        older.applied_to(project)
