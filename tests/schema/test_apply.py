"""migrate on the real files, and what it leaves when something goes wrong on the way."""

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from tests.schema.tree import Tree, catalog, function
from tests.support.database import Database
from worker.schema.errors import ApplyError, BusyError
from worker.schema.migrate import check, migrate
from worker.schema.patience import Patience
from worker.schema.progress import Progress
from worker.schema.snapshot import differences, snapshot

DIE = "do $$ begin perform pg_terminate_backend(pg_backend_pid()); perform 1; end $$;"


def test_everything_applies_to_a_new_project(project: Database) -> None:
    """After migrate nothing is pending, and nothing belongs to anyone but postgres."""
    migrate(project.url())
    assert check(project.url()) == []
    owners = project.postgres().values(
        "select distinct pg_get_userbyid(relowner)::text from pg_class"
        " where relnamespace in ('meshqueue'::regnamespace, 'procrastinate'::regnamespace)"
    )
    assert owners == ["postgres"]


def test_a_second_migrate_changes_nothing(project: Database) -> None:
    """Running migrate again runs no step and leaves the catalog as it was."""
    migrate(project.url())
    before = catalog(project)
    assert migrate(project.url()) == 0
    assert catalog(project) == before


def test_reapplying_every_function_file_changes_nothing(project: Database) -> None:
    """Function files can be dropped and put back as often as one likes."""
    migrate(project.url())
    before = catalog(project)
    project.postgres().execute("update meshqueue.function_files set checksum = 'outdated'")
    assert migrate(project.url()) == 1
    assert differences(before, catalog(project)) == []


def test_older_projects_get_the_same_grants(older_project: Database, db: Database) -> None:
    """Whether the project grants everything by default or nothing makes no difference."""
    migrate(older_project.url())
    older = snapshot(older_project.postgres().connection)
    assert differences(older, snapshot(db.postgres().connection)) == []


def test_check_changes_nothing(project: Database, tree: Tree) -> None:
    """--check names what is pending, in order, and leaves the database empty."""
    tree.function("api/one", function("public.one", "select 1"))
    labels = [step.label for step in check(project.url(), sources=tree.sources())]
    queue = f"procrastinate {tree.queue.version}"
    assert labels == ["migration 0001_bookkeeping", queue, "functions: 1 file"]
    assert project.postgres().value("select to_regnamespace('meshqueue')") is None


def test_progress_says_what_ran_and_how_long(project: Database, tree: Tree) -> None:
    """Each step is reported with its seconds, after what stands already."""
    told: list[Progress] = []
    tree.applied_to(project, told.append)
    assert told[0].text == "stands already: nothing"
    assert [bool(progress.seconds) for progress in told] == [False, True, True]


def test_of_two_at_once_one_waits_and_finds_nothing_to_do(project: Database, tree: Tree) -> None:
    """The second migrate says that it waits, then runs no step."""
    begun, waits = Event(), Event()

    def stay(progress: Progress) -> None:
        begun.set()
        assert progress.seconds is None or waits.wait(timeout=30)

    def notice(progress: Progress) -> None:
        if progress.text.startswith("waits up to"):
            waits.set()

    with ThreadPoolExecutor() as pool:
        first = pool.submit(tree.applied_to, project, stay)
        assert begun.wait(timeout=30)
        second = pool.submit(tree.applied_to, project, notice)
        assert (first.result(timeout=60), second.result(timeout=60)) == (2, 0)


def test_waiting_for_another_migrate_ends(project: Database, tree: Tree) -> None:
    """Whoever waits for its turn too long is told so."""
    project.postgres().execute("select pg_advisory_lock(1835365224, 1)")
    with pytest.raises(BusyError, match="Another migrate has been running"):
        migrate(project.url(), sources=tree.sources(), patience=Patience(turn_seconds=0.05))


def test_a_table_in_use_is_tried_again(project: Database, tree: Tree) -> None:
    """A lock that is not to be had at once costs a try, not the migration."""
    tree.migration("0002_table", "create table public.busy ();")
    tree.applied_to(project)
    tree.migration("0003_alter", "alter table public.busy add column one int;")
    reader = project.postgres().connection
    reader.autocommit = False
    reader.execute("select from public.busy")
    told: list[str] = []

    def let_go(progress: Progress) -> None:
        told.append(progress.text)
        if "in use" in progress.text:
            reader.rollback()

    patience = Patience(lock_seconds=0.05, pause_seconds=0)
    assert migrate(project.url(), sources=tree.sources(), report=let_go, patience=patience) == 1
    assert told[1:] == [
        "migration 0003_alter: a table is in use, 4 tries left",
        "migration 0003_alter",
    ]


def test_a_table_that_stays_in_use_is_named(project: Database, tree: Tree) -> None:
    """After the last try the message says which step it was and what to look for."""
    tree.migration("0002_table", "create table public.busy ();")
    tree.applied_to(project)
    tree.migration("0003_alter", "alter table public.busy add column one int;")
    reader = project.postgres().connection
    reader.autocommit = False
    reader.execute("select from public.busy")
    patience = Patience(lock_seconds=0.02, tries=2, pause_seconds=0)
    with pytest.raises(BusyError, match=r"0003_alter: .* in 2 tries(.|\n)*pg_stat_activity"):
        migrate(project.url(), sources=tree.sources(), patience=patience)


def test_a_step_that_dies_leaves_nothing_half_made(project: Database, tree: Tree) -> None:
    """When the connection is lost, the step is undone, and the next run completes."""
    tree.migration("0002_table", "create table public.kept ();")
    tree.migration("0003_dies", f"create table public.lost (); {DIE}")
    with pytest.raises(ApplyError, match="0003_dies"):
        tree.applied_to(project)
    session = project.postgres()
    assert session.value("select to_regclass('public.kept') is not null")
    assert session.value("select to_regclass('public.lost') is null")
    tree.migration("0003_dies", "create table public.lost ();")
    assert tree.applied_to(project) == 1
    assert check(project.url(), sources=tree.sources()) == []


def test_dying_in_the_functions_keeps_the_old_ones(project: Database, tree: Tree) -> None:
    """Dropping and recreating is one transaction: a crash between them drops nothing."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.applied_to(project)
    before = catalog(project)
    tree.function("api/one", function("public.one", "select 2"))
    tree.function("api/two", DIE)
    with pytest.raises(ApplyError, match=r"api/two\.sql"):
        tree.applied_to(project)
    assert catalog(project) == before


def test_an_error_is_placed_in_its_file(project: Database, tree: Tree) -> None:
    """What the database refuses is told with file, line and its own words."""
    tree.migration("0002_wrong", "select 1;\n\nselect no_such_column;")
    with pytest.raises(ApplyError) as refused:
        tree.applied_to(project)
    assert refused.value.what == (
        'sql/migrations/0002_wrong.sql, line 3: column "no_such_column" does not exist'
    )


def test_a_name_that_is_not_complete_is_refused(project: Database, tree: Tree) -> None:
    """Migrations run with an empty search_path, so that no project's own setting matters."""
    tree.migration("0002_vague", "create table vague ();")
    with pytest.raises(ApplyError, match="no schema has been selected to create in"):
        tree.applied_to(project)


def test_a_database_that_does_not_answer_is_told_plainly() -> None:
    """A wrong address ends in a message, not in a traceback of the driver."""
    with pytest.raises(ApplyError, match="Check DATABASE_URL"):
        migrate("postgresql://postgres@127.0.0.1:1/postgres")


def test_a_superuser_leaves_everything_to_postgres(project: Database, tree: Tree) -> None:
    """Mistakes in definer functions would stay invisible if a superuser owned them."""
    migrate(project.url(project.server.superuser), sources=tree.sources())
    owner = "select nspowner::regrole::text from pg_namespace where nspname = 'meshqueue'"
    assert project.postgres().value(owner) == "postgres"
