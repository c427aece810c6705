create schema if not exists extensions authorization postgres;
create schema if not exists auth       authorization supabase_admin;
create schema if not exists storage    authorization supabase_admin;
create schema if not exists realtime   authorization supabase_admin;

grant usage on schema public, extensions, auth, storage, realtime to anon, authenticated, service_role, postgres;
grant create on schema public to postgres;
grant usage on schema storage, realtime to postgres with grant option;
grant all on schema auth to supabase_auth_admin, dashboard_user;
grant all on schema storage to supabase_storage_admin, dashboard_user;
grant all on schema realtime to supabase_realtime_admin with grant option;
grant create, usage on schema public to supabase_realtime_admin;
grant usage on schema extensions, auth to supabase_realtime_admin;

grant all on all routines in schema extensions to postgres with grant option;
grant all on all tables   in schema extensions to postgres with grant option;
alter default privileges in schema extensions grant all on tables   to postgres with grant option;
alter default privileges in schema extensions grant all on routines to postgres with grant option;

-- The platform's default since 30 October 2026: nothing reaches the Data API unasked. PUBLIC
-- keeps its built-in EXECUTE on functions, and anon keeps TRUNCATE, REFERENCES and TRIGGER.
alter default privileges for role postgres in schema public grant all on tables    to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke select, insert, update, delete on tables from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke usage, select on sequences from anon, authenticated, service_role;
alter default privileges for role postgres in schema public revoke execute on functions from anon, authenticated, service_role;
