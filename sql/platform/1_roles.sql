-- Stands in for a hosted Supabase project on a plain PostgreSQL 15 or newer: local runs and tests.
-- Roles belong to the whole cluster. One that is there already is left as it is: it may be the
-- bootstrap superuser, or another program's. None gets a password.
do $$
declare
  wanted record;
begin
  for wanted in select * from (values
    ('supabase_admin',             'superuser createdb createrole replication bypassrls login'),
    ('postgres',                   'nosuperuser createdb createrole replication bypassrls login'),
    ('anon',                       'nologin inherit'),
    ('authenticated',              'nologin inherit'),
    ('service_role',               'nologin inherit bypassrls'),
    ('authenticator',              'login noinherit'),
    ('dashboard_user',             'nologin createdb createrole replication'),
    ('supabase_auth_admin',        'login noinherit createrole'),
    ('supabase_storage_admin',     'login noinherit createrole'),
    ('supabase_realtime_admin',    'login noinherit createrole replication'),
    ('supabase_replication_admin', 'login replication'),
    ('supabase_read_only_user',    'login bypassrls')) roles (name, attributes)
  loop
    if not exists (select from pg_roles where rolname = wanted.name) then
      execute format('create role %I %s', wanted.name, wanted.attributes);
    end if;
  end loop;
end $$;

grant anon, authenticated, service_role to authenticator, postgres, supabase_realtime_admin;
-- the storage server acts as the caller's role through this
grant authenticator to supabase_storage_admin;
grant pg_read_all_data to supabase_read_only_user, postgres;
grant pg_monitor, pg_signal_backend to postgres;

alter role anon                   set statement_timeout = '3s';
alter role authenticated          set statement_timeout = '8s';
alter role authenticator          set statement_timeout = '8s';
alter role authenticator          set lock_timeout = '8s';
alter role supabase_auth_admin    set search_path = auth;
alter role supabase_auth_admin    set idle_in_transaction_session_timeout = 60000;
alter role supabase_storage_admin set search_path = storage;

do $$
begin
  if not (select rolsuper from pg_roles where rolname = 'postgres') then
    alter role postgres set search_path = "$user", public, extensions;
  end if;
  execute format('alter database %I owner to postgres', current_database());
  execute format('grant create on database %I to supabase_auth_admin, supabase_realtime_admin', current_database());
end $$;
