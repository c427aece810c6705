-- On the platform, postgres may manage policies and triggers on its tables and nothing else there.
-- Membership gives it that; the event triggers take the rest away.
grant supabase_auth_admin, supabase_storage_admin, supabase_realtime_admin to postgres;
create or replace function extensions.platform_guard() returns event_trigger language plpgsql as $$
declare c record;
begin
  -- the superuser of a plain image may be called postgres, too
  if session_user <> 'postgres' or (select rolsuper from pg_catalog.pg_roles where rolname = session_user) then
    return;
  end if;
  if tg_event = 'sql_drop' then
    for c in select * from pg_event_trigger_dropped_objects() where original and schema_name in ('auth','storage','realtime')
             and object_type not in ('policy','trigger') loop
      raise insufficient_privilege using message = format('must be owner of %s %s', c.object_type, c.object_identity);
    end loop;
  else
    for c in select * from pg_event_trigger_ddl_commands() where coalesce(schema_name, split_part(object_identity, '.', 1)) in ('auth','storage','realtime')
             and command_tag not in ('CREATE POLICY','ALTER POLICY','CREATE TRIGGER','GRANT','REVOKE') and not in_extension loop
      raise insufficient_privilege using message = format('must be owner of %s %s', c.object_type, c.object_identity);
    end loop;
  end if;
end $$;
drop event trigger if exists platform_guard_ddl;
create event trigger platform_guard_ddl  on ddl_command_end execute function extensions.platform_guard();
drop event trigger if exists platform_guard_drop;
create event trigger platform_guard_drop on sql_drop        execute function extensions.platform_guard();
