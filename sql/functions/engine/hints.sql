-- A webhook is a hint: it wakes the watcher, in whichever process it lives, which asks the provider itself.

create function meshqueue.notify_task(provider public.provider_type, task_id text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  watched meshqueue.runs;
begin
  select r.* into watched
    from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
    where s.provider = notify_task.provider and s.task_id = notify_task.task_id;
  if found then
    if watched.worker_id is not null then
      perform meshqueue.kick('hint', watched);
    end if;
    return true;
  end if;
  delete from meshqueue.hints h where h.seen_at < now() - interval '10 minutes';
  insert into meshqueue.hints (provider, task_id) values (notify_task.provider, notify_task.task_id)
    on conflict on constraint hints_pkey do update set seen_at = now();
  return false;
end
$$;
revoke execute on function meshqueue.notify_task(public.provider_type, text) from public, anon, authenticated;

-- SHA-256 of the secrets that users gave their own webhooks.
create function meshqueue.webhook_hashes(provider public.provider_type)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(encode(s.secret_sha256, 'hex')), '[]')
  from meshqueue.user_provider_secrets s
  where s.provider = webhook_hashes.provider
$$;
revoke execute on function meshqueue.webhook_hashes(public.provider_type) from public, anon, authenticated;
