"""What the database remembers has to be what the files say."""

import pytest

from tests.schema.tree import Tree
from tests.support.database import Database
from worker.schema.errors import ApplyError, HistoryError, SourceError

TABLE = "create table public.one ();"


def test_an_edited_migration_is_refused(project: Database, tree: Tree) -> None:
    """The message names the file, both checksums and the way out."""
    tree.migration("0002_one", TABLE)
    tree.applied_to(project)
    tree.migration("0002_one", TABLE + " -- edited")
    with pytest.raises(HistoryError) as refused:
        tree.applied_to(project)
    assert "sql/migrations/0002_one.sql was edited after it was applied" in refused.value.what
    assert tree.sources().migrations[1].file.checksum[:12] in refused.value.what
    assert "new migration" in refused.value.remedy


def test_line_endings_are_no_edit(project: Database, tree: Tree) -> None:
    """A checkout on Windows has the same checksums."""
    file = tree.migration("0002_one", "create table public.one\n();\n")
    tree.applied_to(project)
    file.write_bytes(b"create table public.one\r\n();\r\n")
    assert tree.applied_to(project) == 0


def test_a_renamed_migration_is_refused(project: Database, tree: Tree) -> None:
    """The name is part of the record."""
    file = tree.migration("0002_one", TABLE)
    tree.applied_to(project)
    file.rename(file.with_name("0002_two.sql"))
    with pytest.raises(HistoryError, match="under the name 0002_one"):
        tree.applied_to(project)


def test_an_older_release_is_refused(project: Database, tree: Tree) -> None:
    """A database that is ahead is left alone; the message says which release it needs."""
    file = tree.migration("0002_one", TABLE)
    tree.release = "1.4.0"
    tree.applied_to(project)
    file.unlink()
    tree.release = "1.3.0"
    with pytest.raises(HistoryError, match=r"Install release 1\.4\.0 or a newer one"):
        tree.applied_to(project)


def test_a_migration_slipped_in_before_an_applied_one_is_refused(
    project: Database, tree: Tree
) -> None:
    """The order of migrations is the same on every database."""
    tree.migration("0002_one", TABLE)
    tree.migration("0003_two", "create table public.two ();")
    tree.applied_to(project)
    project.postgres().execute("delete from meshqueue.migrations where version = 2")
    with pytest.raises(HistoryError, match=r"0002_one\.sql was never applied, but a later one"):
        tree.applied_to(project)


def test_a_gap_in_the_numbers_is_refused(tree: Tree) -> None:
    """A missing file is named by the number it should have."""
    tree.migration("0003_late", TABLE)
    with pytest.raises(SourceError, match=r"0003_late\.sql: there is no migration 0002"):
        tree.sources()


def test_a_number_taken_twice_is_refused(tree: Tree) -> None:
    """Two branches that took the same number are told apart before anything runs."""
    tree.migration("0002_one", TABLE)
    tree.migration("0002_two", TABLE)
    with pytest.raises(SourceError, match=r"0002_two\.sql: the number 0002 is taken twice"):
        tree.sources()


def test_a_misnamed_migration_is_refused(tree: Tree) -> None:
    """A file that would be skipped silently is an error."""
    tree.migration("2_short", TABLE)
    with pytest.raises(SourceError, match=r"2_short\.sql is not named like"):
        tree.sources()


@pytest.mark.parametrize("schema", ["meshqueue", "procrastinate"])
def test_a_schema_that_is_not_ours_is_left_alone(
    project: Database, tree: Tree, schema: str
) -> None:
    """Someone else's schema of our name is refused, not written into."""
    project.postgres().execute(f"create schema {schema}")
    with pytest.raises(HistoryError, match=rf"schema {schema}\b(.|\n)*Rename it"):
        tree.applied_to(project)


def test_a_new_enum_value_can_be_used_by_the_next_migration(project: Database, tree: Tree) -> None:
    """Each migration has a transaction of its own."""
    tree.migration("0002_type", "create type public.colour as enum ('red');")
    tree.migration("0003_value", "alter type public.colour add value 'blue';")
    tree.migration("0004_use", "create table public.c (c public.colour default 'blue');")
    assert tree.applied_to(project) == 5


def test_a_refused_migration_stops_those_after_it(project: Database, tree: Tree) -> None:
    """Nothing runs after an error, and what ran before is kept."""
    tree.migration("0002_wrong", "select 1 / 0;")
    tree.migration("0003_after", TABLE)
    with pytest.raises(ApplyError, match="division by zero"):
        tree.applied_to(project)
    versions = project.postgres().values("select version from meshqueue.migrations")
    assert versions == [1]
