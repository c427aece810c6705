"""Function files: whatever changes in them, the database follows in one transaction."""

import pytest

from tests.schema.tree import Tree, catalog, function
from tests.support.database import Database
from worker.schema.errors import ApplyError
from worker.schema.migrate import check

TABLE = "create table public.t (id int primary key, name text);"
TRIGGER_FUNCTION = (
    "create function public.touch() returns trigger language plpgsql set search_path = ''"
    " as $$ begin return {}; end $$;"
)


@pytest.fixture
def with_table(project: Database, tree: Tree) -> Tree:
    tree.migration("0002_table", TABLE)
    tree.applied_to(project)
    return tree


def test_a_changed_return_type_is_applied(project: Database, tree: Tree) -> None:
    """`create or replace` refuses this (42P13)."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.applied_to(project)
    tree.function("api/one", function("public.one", "select 'x'", returns="text"))
    assert tree.applied_to(project) == 1
    assert project.postgres().value("select public.one()") == "x"


def test_changed_argument_names_and_defaults_leave_one_signature(
    project: Database, tree: Tree
) -> None:
    """An added default would leave an ambiguous overload behind."""
    tree.function("api/one", function("public.one", "select 1", "a int"))
    tree.applied_to(project)
    tree.function("api/one", function("public.one", "select 2", "b int, c int = 1"))
    tree.applied_to(project)
    session = project.postgres()
    assert session.values("select oid::regprocedure::text from pg_proc where proname = 'one'") == [
        "one(integer,integer)"
    ]
    assert session.value("select public.one(1)") == 2


def test_only_the_changed_file_is_applied(project: Database, tree: Tree) -> None:
    """A function that nobody touched keeps its identity."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.function("api/two", function("public.two", "select 1"))
    tree.applied_to(project)
    oid = "select 'public.two'::regproc::oid"
    before = project.postgres().value(oid)
    tree.function("api/one", function("public.one", "select 2"))
    tree.applied_to(project)
    assert project.postgres().value(oid) == before


def test_what_left_the_files_is_dropped(project: Database, tree: Tree) -> None:
    """A function taken out of its file, and a file taken out of the tree, both go."""
    both = function("public.one", "select 1") + function("public.two", "select 2")
    tree.function("api/both", both)
    gone = tree.function("api/gone", function("public.gone", "select 3"))
    tree.applied_to(project)
    tree.function("api/both", function("public.one", "select 1"))
    gone.unlink()
    tree.applied_to(project)
    left = "select proname::text from pg_proc where pronamespace = 'public'::regnamespace"
    assert project.postgres().values(left) == ["one"]
    assert project.postgres().values("select path from meshqueue.function_files") == [
        "api/both.sql"
    ]


def test_a_function_may_move_between_files(project: Database, tree: Tree) -> None:
    """All changed files are taken out before the first is put back."""
    tree.function("engine/a", function("public.one", "select 1"))
    tree.function("engine/b", function("public.two", "select 2"))
    tree.applied_to(project)
    tree.function("engine/a", function("public.two", "select 2"))
    tree.function("engine/b", function("public.one", "select 1"))
    assert tree.applied_to(project) == 1


def test_the_order_of_files_does_not_matter_to_bodies(project: Database, tree: Tree) -> None:
    """A body may call what a later file creates."""
    tree.function("engine/a", function("public.first", "select public.second()"))
    tree.function("policies/b", function("public.second", "select 7"))
    tree.applied_to(project)
    assert project.postgres().value("select public.first()") == 7


def test_dependants_of_a_changed_function_are_recreated(
    project: Database, with_table: Tree
) -> None:
    """A trigger, a policy and a view built on it go and come back in the same transaction."""
    tree = with_table
    tree.function("engine/touch", TRIGGER_FUNCTION.format("new"))
    tree.function("engine/may", function("public.may", "select true", returns="boolean"))
    tree.function(
        "policies/t",
        "create trigger touch before insert on public.t"
        " for each row execute function public.touch();"
        "create policy may on public.t using (public.may());"
        "create view public.v with (security_invoker = true) as select public.may() as may;"
        "grant select on public.v to authenticated;",
    )
    tree.function("policies/v", "create view public.w as select * from public.v;")
    tree.applied_to(project)
    before = catalog(project)
    oid = "select oid from pg_policy where polname = 'may'"
    policy = project.postgres().value(oid)
    tree.function("engine/touch", TRIGGER_FUNCTION.format("null"))
    tree.function("engine/may", function("public.may", "select false", returns="boolean"))
    tree.applied_to(project)
    after = catalog(project)
    assert {kind: before[kind].keys() for kind in before if kind != "function_files"} == {
        kind: after[kind].keys() for kind in after if kind != "function_files"
    }
    assert [after[kind] for kind in ("triggers", "policies", "views")] == [
        before[kind] for kind in ("triggers", "policies", "views")
    ]
    assert project.postgres().value(oid) != policy


def test_a_foreign_dependant_is_refused_by_name(project: Database, tree: Tree) -> None:
    """What users built on our function is never dropped silently, and the message names it."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.applied_to(project)
    project.postgres().execute("create view public.theirs as select public.one()")
    tree.function("api/one", function("public.one", "select 2"))
    with pytest.raises(ApplyError) as refused:
        tree.applied_to(project)
    assert "view public.theirs" in str(refused.value)
    assert refused.value.remedy == "Drop it, migrate, then create it again."
    assert project.postgres().value("select one from public.theirs") == 1


THEIRS = {
    "policy p on table public.t": "create policy p on public.t using (public.one() = 1)",
    "constraint c on table public.t": (
        "alter table public.t add constraint c check (public.one() = 1)"
    ),
    "column d of table public.t": "alter table public.t add d int default public.one()",
    "function public.f()": "create function public.f() returns int return public.one()",
    "view public.deep": "create view public.deep as select * from public.ours",
    "function public.g(public.ours)": "create function public.g(public.ours) returns int return 1",
}


@pytest.mark.parametrize("named", THEIRS)
def test_every_kind_of_foreign_dependant_is_named(
    project: Database, with_table: Tree, named: str
) -> None:
    """Policies, checks, defaults, bodies and row types are found, also behind a view of ours."""
    tree = with_table
    tree.function("api/one", function("public.one", "select 1"))
    tree.function("policies/ours", "create view public.ours as select public.one();")
    tree.applied_to(project)
    project.postgres().execute(THEIRS[named])
    tree.function("api/one", function("public.one", "select 2"))
    with pytest.raises(ApplyError) as refused:
        tree.applied_to(project)
    assert named in str(refused.value)


def test_a_foreign_dependant_of_an_unchanged_file_is_no_obstacle(
    project: Database, tree: Tree
) -> None:
    """Users may build on our functions; only what changes concerns them."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.function("api/two", function("public.two", "select 2"))
    tree.applied_to(project)
    project.postgres().execute("create view public.theirs as select public.one()")
    tree.function("api/two", function("public.two", "select 3"))
    assert tree.applied_to(project) == 1


def test_two_signatures_of_one_public_function_are_refused(project: Database, tree: Tree) -> None:
    """PostgREST could not tell them apart; the message names both and their files."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.function("api/two", function("public.one", "select 1", "a int"))
    with pytest.raises(ApplyError) as refused:
        tree.applied_to(project)
    for named in ("public.one() in api/one.sql", "public.one(integer) in api/two.sql"):
        assert named in refused.value.what
    assert project.postgres().value("select to_regproc('public.one')") is None


def test_overloads_in_a_private_schema_are_fine(project: Database, tree: Tree) -> None:
    """Only names that the API exposes have to be unique."""
    name = "meshqueue.one"
    tree.function("engine/one", function(name, "select 1") + function(name, "select 1", "a int"))
    tree.applied_to(project)
    assert check(project.url(), sources=tree.sources()) == []


def test_a_table_in_a_function_file_is_refused(project: Database, tree: Tree) -> None:
    """Dropping and recreating a table would lose its rows: it belongs in a migration."""
    tree.function("engine/one", "create table public.one ();")
    with pytest.raises(ApplyError, match=r"engine/one\.sql creates table public\.one"):
        tree.applied_to(project)


def test_triggers_and_policies_on_platform_tables_are_ours_to_replace(
    project: Database, tree: Tree
) -> None:
    """On auth.users and storage.objects postgres may do that, and nothing more."""
    text = (
        TRIGGER_FUNCTION.format("new") + "create trigger mq before insert on auth.users"
        " for each row execute function public.touch();"
        "create policy mq on storage.objects for select to {} using (bucket_id = 'inputs');"
        "create policy mq on realtime.messages for select to {} using (true);"
    )
    tree.function("policies/platform", text.format("anon", "anon"))
    tree.applied_to(project)
    tree.function("policies/platform", text.format("authenticated", "authenticated"))
    tree.applied_to(project)
    roles = "select distinct roles::text from pg_policies where policyname = 'mq'"
    assert project.postgres().values(roles) == ["{authenticated}"]


def test_an_object_dropped_by_hand_is_put_back_with_its_file(project: Database, tree: Tree) -> None:
    """A missing object does not stop its file from being applied again."""
    tree.function("api/one", function("public.one", "select 1"))
    tree.applied_to(project)
    project.postgres().execute("drop function public.one()")
    tree.function("api/one", function("public.one", "select 2"))
    tree.applied_to(project)
    assert project.postgres().value("select public.one()") == 2


def test_a_migration_can_take_out_what_stands_in_its_way(
    project: Database, with_table: Tree
) -> None:
    """A column that a view reads can change its type: forget the file, it is applied afterwards."""
    tree = with_table
    tree.function("policies/v", "create view public.v as select id from public.t;")
    tree.applied_to(project)
    tree.migration(
        "0003_wider",
        "select meshqueue.forget_files(array['policies/v.sql']);"
        "alter table public.t alter column id type bigint;",
    )
    assert tree.applied_to(project) == 2
    kind = "select pg_typeof(id)::text from public.v right join (select) n on true"
    assert project.postgres().value(kind) == "bigint"


def test_a_check_lists_the_files(project: Database, tree: Tree) -> None:
    """--check names each function file that would be applied or is gone."""
    tree.function("api/new", function("public.new", "select 1"))
    gone = tree.function("api/gone", function("public.gone", "select 1"))
    tree.applied_to(project)
    gone.unlink()
    tree.function("api/new", function("public.new", "select 2"))
    (step,) = check(project.url(), sources=tree.sources())
    assert step.details == ("api/new.sql", "api/gone.sql (gone: what it made is dropped)")


def test_what_others_create_meanwhile_is_not_taken_for_ours(project: Database, tree: Tree) -> None:
    """A function that a user commits while a file runs is never recorded, hence never dropped."""
    tree.applied_to(project)
    ours, theirs = project.postgres(), project.postgres()
    with ours.connection.transaction():
        ours.execute("select meshqueue.before_file()")
        ours.execute(function("public.ours", "select 1"))
        ours.execute(
            "do $$ begin create view public.v as select; exception when others then end $$"
        )
        theirs.execute(function("public.theirs", "select 1"))
        ours.execute("select meshqueue.remember_file('api/ours.sql', 'checksum')")
    recorded = "select identity from meshqueue.function_objects order by identity"
    assert ours.values(recorded) == ["public.ours()", "public.v"]
