"""Who may do what, read from the catalog: what is not listed here, nobody may do."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import pytest

from tests.support.database import Database, fresh_database
from tests.support.jobs import MESHY_TEXT, account, create, rich_user
from tests.support.refusals import refused
from tests.support.servers import Postgres
from tests.support.session import Session
from worker.schema.migrate import migrate
from worker.schema.platform import ensure_platform

EVERYBODY = {"anon", "authenticated", "service_role"}
SIGNED_IN = {"authenticated", "service_role"}
SERVERS = {"service_role"}

# What clients call, and what of the engine stands behind those calls.
EXECUTE = {
    "public.get_asset_files": EVERYBODY,
    "public.get_public_settings": EVERYBODY,
    "public.cancel_ai_job": SIGNED_IN,
    "public.create_ai_job": SIGNED_IN,
    "public.create_ai_job_with_credits": SIGNED_IN,
    "public.delete_asset": SIGNED_IN,
    "public.get_ai_job": SIGNED_IN,
    "public.get_credits": SIGNED_IN,
    "public.publish_template": SIGNED_IN,
    "public.retry_ai_job": SIGNED_IN,
    "public.rotate_webhook_secret": SIGNED_IN,
    "public.unpublish_template": SIGNED_IN,
    "public.cleanup_job_events": SERVERS,
    "public.cleanup_rate_limits": SERVERS,
    "public.grant_credits": SERVERS,
    "meshqueue.public_settings": EVERYBODY,
    "meshqueue.caller_is_client": SIGNED_IN,
    "meshqueue.cancel_job": SIGNED_IN,
    "meshqueue.raise_busy": SIGNED_IN,
    "meshqueue.read_job": SIGNED_IN,
    "meshqueue.remove_asset": SIGNED_IN,
    "meshqueue.repeated_job": SIGNED_IN,
    "meshqueue.request_of": SIGNED_IN,
    "meshqueue.require_user": SIGNED_IN,
    "meshqueue.retry_job": SIGNED_IN,
    "meshqueue.rotate_secret": SIGNED_IN,
    "meshqueue.want_public": SIGNED_IN,
    "meshqueue.clean_events": SERVERS,
    "meshqueue.clean_rates": SERVERS,
    "meshqueue.grant_to": SERVERS,
}

# Each of these checks itself who asks.
DEFINERS_FOR_CLIENTS = {
    "cancel_job",
    "public_settings",
    "read_job",
    "remove_asset",
    "repeated_job",
    "request_of",
    "retry_job",
    "rotate_secret",
    "want_public",
}

OF_A_JOB = "asset_id,client_task_id,idempotency_key,metadata,provider,request_payload,user_id"
TABLES = {
    "ai_jobs SELECT": SIGNED_IN,
    "ai_job_events SELECT": SIGNED_IN,
    "credit_accounts SELECT": SIGNED_IN,
    "credit_ledger SELECT": SIGNED_IN,
    "assets SELECT": EVERYBODY,
    "asset_files SELECT": EVERYBODY,
    "app_settings SELECT": SERVERS,
    "app_settings INSERT": SERVERS,
    "app_settings UPDATE": SERVERS,
    "app_settings DELETE": SERVERS,
    "ai_job_metrics_daily SELECT": SERVERS,
}
COLUMNS = {
    f"ai_jobs INSERT {OF_A_JOB}": SIGNED_IN,
    "assets UPDATE description,title": SIGNED_IN,
}

OURS = "in ('public'::regnamespace, 'meshqueue'::regnamespace)"

FUNCTION_GRANTS = f"""
    select n.nspname || '.' || p.proname as name, a.grantee::regrole::text as role
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace,
      aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    where p.pronamespace {OURS} and a.grantee <> p.proowner
"""
TABLE_GRANTS = f"""
    select c.relname || ' ' || a.privilege_type as name, a.grantee::regrole::text as role
    from pg_class c, aclexplode(coalesce(c.relacl,
      acldefault(case c.relkind when 'S' then 's' else 'r' end::"char", c.relowner))) a
    where c.relnamespace {OURS} and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      and a.grantee <> c.relowner
"""
COLUMN_GRANTS = f"""
    select a.grantee::regrole::text as role, c.relname || ' ' || a.privilege_type || ' '
      || string_agg(t.attname, ',' order by t.attname) as name
    from pg_class c join pg_attribute t on t.attrelid = c.oid, aclexplode(t.attacl) a
    where c.relnamespace {OURS}
    group by c.relname, a.privilege_type, a.grantee
"""

# Each query names what offends. The first ones are the Security Advisor's, in its order of alarm.
LINTS = {
    "row level security is off": f"""
        select oid::regclass::text from pg_class
        where relnamespace {OURS} and relkind in ('r', 'p') and not relrowsecurity
    """,
    "a policy on a table without row level security": """
        select p.polname::text from pg_policy p join pg_class c on c.oid = p.polrelid
        where not c.relrowsecurity
    """,
    "a view with its owner's rights": f"""
        select oid::regclass::text from pg_class
        where relnamespace {OURS} and relkind = 'v'
          and not coalesce(reloptions, '{{}}') @> '{{security_invoker=true}}'
    """,
    "a materialised view": f"""
        select oid::regclass::text from pg_class where relnamespace {OURS} and relkind = 'm'
    """,
    "an extension in public": """
        select extname::text from pg_extension where extnamespace = 'public'::regnamespace
    """,
    "a function whose search_path can be changed": f"""
        select oid::regprocedure::text from pg_proc
        where pronamespace {OURS} and not coalesce(proconfig, '{{}}')
          && array['search_path=pg_catalog, pg_temp', 'search_path=""']
          or prosecdef and pronamespace {OURS}
          and not coalesce(proconfig, '{{}}') @> array['search_path=pg_catalog, pg_temp']
    """,
    "a definer function in the exposed schema": """
        select oid::regprocedure::text from pg_proc
        where pronamespace = 'public'::regnamespace and prosecdef
    """,
    "who asks is found out for every row": """
        select schemaname || '.' || tablename || ': ' || policyname from pg_policies
        where regexp_replace(coalesce(qual, '') || coalesce(with_check, ''),
          '\\( SELECT (auth|realtime)\\.\\w+\\(\\) AS \\w+\\)', '', 'g')
          ~ '(auth|realtime)\\.\\w+\\(|current_setting'
    """,
    "several permissive policies": """
        select c.oid::regclass || ' ' || p.polcmd::text || ' ' || role::regrole
        from pg_policy p join pg_class c on c.oid = p.polrelid, unnest(p.polroles) role
        where p.polpermissive
        group by c.oid, p.polcmd, role having count(*) > 1
    """,
    "a policy that lets everything be written": """
        select policyname::text from pg_policies
        where cmd <> 'SELECT' and 'true' in (qual, with_check)
    """,
    "a policy for everybody": """
        select policyname::text from pg_policies where roles && '{public}'
    """,
    "a foreign key without an index": f"""
        select f.conrelid::regclass || '.' || f.conname from pg_constraint f
        where f.contype = 'f' and f.connamespace {OURS} and not exists (
          select from pg_index i where i.indrelid = f.conrelid and
            (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(f.conkey)] = f.conkey)
    """,
    "an index twice": f"""
        select string_agg(i.indexrelid::regclass::text, ', ')
        from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relnamespace {OURS}
        group by i.indrelid, i.indkey, i.indclass, pg_get_expr(i.indpred, i.indrelid),
          pg_get_expr(i.indexprs, i.indrelid)
        having count(*) > 1
    """,
    "a table without a primary key": f"""
        select oid::regclass::text from pg_class c
        where relnamespace {OURS} and relkind in ('r', 'p') and not exists (
          select from pg_constraint k where k.conrelid = c.oid and k.contype = 'p')
    """,
    "a serial instead of an identity": f"""
        select attrelid::regclass || '.' || attname from pg_attribute
        join pg_class c on c.oid = attrelid
        where c.relnamespace {OURS} and c.relkind = 'r' and attnum > 0 and attidentity = ''
          and pg_get_serial_sequence(c.oid::regclass::text, attname) is not null
    """,
    "users of the project in the exposed schema": """
        select distinct v.ev_class::regclass::text from pg_depend d
        join pg_rewrite v on v.oid = d.objid and d.classid = 'pg_rewrite'::regclass
        join pg_class c on c.oid = v.ev_class and c.relnamespace = 'public'::regnamespace
        where d.refobjid = 'auth.users'::regclass
    """,
    "an object that somebody else owns": f"""
        select oid::regclass::text from pg_class
        where relnamespace {OURS} and relowner <> 'postgres'::regrole
        union all
        select oid::regprocedure::text from pg_proc
        where pronamespace {OURS} and proowner <> 'postgres'::regrole
    """,
    "a role that may create in our schema": """
        select a.grantee::regrole::text from pg_namespace n, aclexplode(n.nspacl) a
        where n.nspname in ('meshqueue', 'procrastinate') and a.privilege_type = 'CREATE'
          and a.grantee <> n.nspowner
    """,
    "a role that reaches the queue": """
        select a.grantee::regrole::text from pg_namespace n, aclexplode(n.nspacl) a
        where n.nspname = 'procrastinate' and a.grantee <> n.nspowner
    """,
}


# One offence for each lint, so that none is silent because it looks at nothing.
OFFENCES = {
    "row level security is off": "alter table public.ai_jobs disable row level security",
    "a policy on a table without row level security": (
        "alter table public.ai_jobs disable row level security"
    ),
    "a view with its owner's rights": "create view public.v as select 1",
    "a materialised view": "create materialized view public.v as select 1",
    "an extension in public": (
        "set allow_system_table_mods = on;"
        " update pg_extension set extnamespace = 'public'::regnamespace where extname = 'plpgsql'"
    ),
    "a function whose search_path can be changed": (
        "alter function public.get_credits reset search_path"
    ),
    "a definer function in the exposed schema": (
        "alter function public.get_credits security definer"
    ),
    "who asks is found out for every row": (
        "alter policy own_jobs on public.ai_jobs using (user_id = auth.uid())"
    ),
    "several permissive policies": (
        "create policy more on public.ai_jobs for select to authenticated using (false)"
    ),
    "a policy that lets everything be written": (
        "alter policy make_own_jobs on public.ai_jobs with check (true)"
    ),
    "a policy for everybody": "alter policy own_jobs on public.ai_jobs to public",
    "a foreign key without an index": "drop index public.ai_jobs_asset",
    "an index twice": "create index more on public.ai_jobs (user_id, created_at desc)",
    "a table without a primary key": "create table public.t (id int)",
    "a serial instead of an identity": "create table public.t (id serial primary key)",
    "users of the project in the exposed schema": (
        "create view public.v as select id from auth.users"
    ),
    "an object that somebody else owns": "alter table public.assets owner to supabase_admin",
    "a role that may create in our schema": "grant create on schema meshqueue to anon",
    "a role that reaches the queue": "grant usage on schema procrastinate to service_role",
}


@pytest.fixture(scope="module", params=["new project", "older project"])
def catalog(request: pytest.FixtureRequest, server: Postgres, template: str) -> Iterator[Session]:
    """Nothing is changed here, so that all tests share it. Older projects expose by default."""
    older = request.param == "older project"
    with fresh_database(server, "template0" if older else template) as database:
        if older:
            ensure_platform(database.url(server.superuser), auto_expose=True)
            migrate(database.url())
        yield database.postgres()


def granted(catalog: Session, query: str) -> dict[str, set[str]]:
    roles: dict[str, set[str]] = {}
    for row in catalog.rows(query):
        roles.setdefault(row["name"], set()).add(row["role"])
    return roles


@pytest.mark.parametrize("lint", LINTS)
def test_nothing_for_the_security_advisor(catalog: Session, lint: str) -> None:
    """The platform's linter has nothing to say, and neither have ours."""
    assert catalog.values(LINTS[lint]) == []


@pytest.mark.newest_postgres
@pytest.mark.parametrize("lint", LINTS)
def test_each_lint_finds_something(db: Database, lint: str) -> None:
    """A lint that could not fail would promise nothing."""
    superuser = db.superuser()
    superuser.execute(OFFENCES[lint])
    assert len(superuser.values(LINTS[lint])) > 0


def test_who_may_execute(catalog: Session) -> None:
    """Every function is its owner's alone, but for those that are listed."""
    assert granted(catalog, FUNCTION_GRANTS) == EXECUTE


def test_definers_behind_the_api(catalog: Session) -> None:
    """Of the functions with the owner's rights, clients reach only those that check who asks."""
    query = """
        select proname::text from pg_proc where prosecdef
          and pronamespace = 'meshqueue'::regnamespace
          and has_function_privilege('authenticated', oid, 'execute')
    """
    assert set(catalog.values(query)) == DEFINERS_FOR_CLIENTS


def test_who_may_use_tables(catalog: Session) -> None:
    """Tables, views and sequences: exactly what is listed, on the whole or on columns."""
    assert granted(catalog, TABLE_GRANTS) == TABLES
    assert granted(catalog, COLUMN_GRANTS) == COLUMNS


def test_what_is_published(catalog: Session) -> None:
    """Realtime sees jobs and assets, whole rows, and no other table."""
    query = "select tablename::text from pg_publication_tables where pubname = 'supabase_realtime'"
    assert set(catalog.values(query)) == {"ai_jobs", "assets"}
    filters = "select from pg_publication_rel where prqual is not null or prattrs is not null"
    assert catalog.rows(filters) == []


def test_buckets(catalog: Session) -> None:
    """Inputs are small private images, assets are private, templates are public."""
    query = "select id, public, file_size_limit, allowed_mime_types from storage.buckets order by 1"
    assert [tuple(row.values()) for row in catalog.rows(query)] == [
        ("assets", False, None, None),
        ("inputs", False, 20 * 1024**2, ["image/png", "image/jpeg", "image/webp"]),
        ("templates", True, None, None),
    ]


OUT_OF_REACH = (
    "select * from meshqueue.runs",
    "select * from meshqueue.user_provider_secrets",
    "select * from procrastinate.procrastinate_jobs",
    "select meshqueue.finish_stage(1, 1, gen_random_uuid())",
    "select meshqueue.lock_account(gen_random_uuid())",
    "select settings from meshqueue.in_force",
    "select * from meshqueue.intents",
    "select * from meshqueue.copies",
    "select * from meshqueue.stored_bytes",
    "select meshqueue.intend_objects(1, 1, gen_random_uuid(), '[]')",
    "select meshqueue.claim_removals(gen_random_uuid())",
    "select meshqueue.removed(gen_random_uuid(), '[]')",
    "select meshqueue.begin_publication(gen_random_uuid(), gen_random_uuid())",
    "select meshqueue.finish_publication(gen_random_uuid(), 1, '{}', '[]')",
    "select meshqueue.pause_deliveries(gen_random_uuid(), 'full')",
    "select meshqueue.resume_deliveries()",
    "select meshqueue.enqueue('upkeep', 'admit', '{}')",
    "update meshqueue.in_force set settings = '{}' where true",
    "truncate public.ai_jobs",
    "select nextval('public.credit_ledger_id_seq')",
)


@pytest.mark.parametrize("role", sorted(EVERYBODY))
def test_the_engine_is_out_of_reach(db: Database, role: str) -> None:
    """No API role calls the engine or reads its tables, not even the service role."""
    user_id = str(db.new_user())
    for query in OUT_OF_REACH:
        with refused("42501"), db.request(role, sub=user_id) as session:
            session.execute(query)


@pytest.fixture
def custom_role(db: Database) -> Iterator[str]:
    """A role of the app's own, named in its tokens, with the rights of signed-in users."""
    name = f"custom_{uuid4().hex}"
    superuser = db.superuser()
    superuser.execute(f"create role {name} in role authenticated")
    superuser.execute(f"grant {name} to authenticator")
    yield name
    superuser.execute(f"drop role {name}")


def test_a_role_that_nobody_foresaw_is_a_client(db: Database, custom_role: str) -> None:
    """It makes jobs for its own user only, pays, and reads no job of anybody else."""
    owner, other = rich_user(db), rich_user(db)
    theirs = create(db, other)
    insert = "insert into public.ai_jobs (user_id, request_payload) values (%s, %s)"
    with db.request(custom_role, sub=str(owner)) as session:
        session.execute(insert, owner, MESHY_TEXT)
    assert account(db, owner) == (10_000, 35)
    with refused("PT403"), db.request(custom_role, sub=str(owner)) as session:
        session.execute(insert, other, MESHY_TEXT)
    for call in ("get_ai_job", "cancel_ai_job", "retry_ai_job"):
        with refused("PT404"), db.request(custom_role, sub=str(owner)) as session:
            session.execute(f"select public.{call}(%s)", theirs["id"])


# realtime ---------------------------------------------------------------------------------

ON_TOPIC = "select set_config('realtime.topic', %s, true)"
MESSAGES = "select count(*) from realtime.messages where topic = %s"


def may_join(session: Session, topic: str) -> bool:
    session.execute(ON_TOPIC, topic)
    return bool(session.value(MESSAGES, topic))


def test_the_private_topic(db: Database) -> None:
    """A user joins the topic that bears their id, and nobody else does."""
    owner, other = rich_user(db), rich_user(db)
    create(db, owner)
    create(db, other)
    with db.user(owner) as user:
        assert may_join(user, f"user:{owner}")
        assert not may_join(user, f"user:{other}")
    with db.anon() as anon:
        assert not may_join(anon, f"user:{owner}")
    with db.request("authenticated") as nobody:
        assert not may_join(nobody, f"user:{owner}")


def test_only_broadcast_on_the_private_topic(db: Database) -> None:
    """Presence is not part of it, and a client can't send as if it were the engine."""
    owner = rich_user(db)
    create(db, owner)
    db.admin.execute("update realtime.messages set extension = 'presence' where true")
    with db.user(owner) as user:
        assert not may_join(user, f"user:{owner}")
    send = "insert into realtime.messages (topic, extension) values (%s, 'broadcast')"
    with refused("42501"), db.user(owner) as user:
        user.execute(ON_TOPIC, f"user:{owner}")
        user.execute(send, f"user:{owner}")


# storage ----------------------------------------------------------------------------------

ADD = "insert into storage.objects (bucket_id, name) values (%s, %s)"
SEEN = "select count(*) from storage.objects where bucket_id = %s and name = %s"
REMOVE = "delete from storage.objects where bucket_id = %s and name = %s"
BUCKETS = ("inputs", "assets", "templates")


def remove(session: Session, bucket: str, name: str) -> int:
    session.execute("select set_config('storage.allow_delete_query', 'true', true)")
    return session.execute(REMOVE, bucket, name).rowcount


@pytest.fixture
def owner(db: Database) -> UUID:
    """Has an object in each bucket."""
    user_id = db.new_user()
    for bucket in BUCKETS:
        db.admin.execute(ADD, bucket, f"{user_id}/models/a.glb")
    return user_id


def test_a_user_adds_and_removes_inputs(db: Database, owner: UUID) -> None:
    """Below their own folder of inputs."""
    with db.user(owner) as user:
        user.execute(ADD, "inputs", f"{owner}/front.png")
        assert user.value(SEEN, "inputs", f"{owner}/front.png") == 1
        assert remove(user, "inputs", f"{owner}/front.png") == 1


@pytest.mark.parametrize(
    ("bucket", "name"),
    [
        ("inputs", "{other}/front.png"),
        ("inputs", "front.png"),
        ("inputs", "{own}"),
        ("inputs", "x/{own}/front.png"),
        ("assets", "{own}/models/b.glb"),
        ("templates", "{own}/models/b.glb"),
    ],
)
def test_a_user_adds_nothing_elsewhere(db: Database, owner: UUID, bucket: str, name: str) -> None:
    """Not in another's folder, not at the top, not where the worker writes."""
    with refused("42501"), db.user(owner) as user:
        user.execute(ADD, bucket, name.format(own=owner, other=uuid4()))


@pytest.mark.parametrize(
    ("bucket", "seen", "removed"), [("inputs", 1, 1), ("assets", 0, 0), ("templates", 0, 0)]
)
def test_what_an_owner_may(db: Database, owner: UUID, bucket: str, seen: int, removed: int) -> None:
    """Inputs: all; assets: read, but nothing that has no row; templates: by address, no listing."""
    name = f"{owner}/models/a.glb"
    change = "update storage.objects set name = name || 'x' where bucket_id = %s and name = %s"
    with db.user(owner) as user:
        assert user.value(SEEN, bucket, name) == seen
        assert user.execute(change, bucket, name).rowcount == 0
        assert remove(user, bucket, name) == removed


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("bucket", BUCKETS)
def test_others_see_no_object(db: Database, owner: UUID, role: str, bucket: str) -> None:
    """Neither signed in nor not: no object of somebody else, and no list of any bucket."""
    name = f"{owner}/models/a.glb"
    with db.request(role, sub=str(uuid4())) as other:
        assert other.value("select count(*) from storage.objects") == 0
        assert remove(other, bucket, name) == 0
    with refused("42501"), db.anon() as anon:
        anon.execute(ADD, bucket, f"{owner}/front.png")
