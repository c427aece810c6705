-- Who asks. `role` still names the API's role inside a definer function, current_user no longer does. Only members
-- of service_role are servers; a role that nobody foresaw (custom roles in a JWT) is a client.

create function meshqueue.caller_is_client()
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return current_setting('role') in ('authenticated', 'anon')
    or case current_setting('role')
      when 'none' then session_user = 'authenticator' or not pg_has_role(session_user, 'service_role', 'member')
      else not pg_has_role(current_setting('role')::name, 'service_role', 'member')
    end;
end
$$;
revoke execute on function meshqueue.caller_is_client() from public, anon;
grant execute on function meshqueue.caller_is_client() to authenticated, service_role;

-- The signed-in user for whom an API call acts; PT401 where there is none.
create function meshqueue.require_user()
returns uuid
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  caller uuid := auth.uid();
begin
  if caller is null then
    raise sqlstate 'PT401' using
      message = 'this call needs a signed-in user',
      hint = 'Sign in first. A server without a user inserts into ai_jobs and names user_id.';
  end if;
  return caller;
end
$$;
revoke execute on function meshqueue.require_user() from public, anon;
grant execute on function meshqueue.require_user() to authenticated, service_role;

create function meshqueue.raise_busy()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise sqlstate 'PT503' using
    message = 'the database is busy, nothing was changed',
    detail = '{"retry_after": 2}',
    hint = 'Try the same call again in a moment.';
end
$$;
revoke execute on function meshqueue.raise_busy() from public, anon;
grant execute on function meshqueue.raise_busy() to authenticated, service_role;
