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
  -- Every user may have a webhook secret, and name tasks that never were: no more than are soon looked through.
  insert into meshqueue.hints (provider, task_id)
    select notify_task.provider, notify_task.task_id where (select count(*) from meshqueue.hints) < 1000
    on conflict on constraint hints_pkey do update set seen_at = now();
  return false;
end
$$;
revoke execute on function meshqueue.notify_task(public.provider_type, text) from public, anon, authenticated;

-- Those of these digests (SHA-256, hex) that are of a secret which a user gave their own webhooks. Looked up, never told
-- all: who knocks needs no key, and each knock would read every user's.
create function meshqueue.webhook_hashes(provider public.provider_type, digests text[])
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(encode(s.secret_sha256, 'hex')), '[]')
  from meshqueue.user_provider_secrets s
  where s.provider = webhook_hashes.provider and s.secret_sha256 in (select decode(d, 'hex') from unnest(digests) d)
$$;
revoke execute on function meshqueue.webhook_hashes(public.provider_type, text[]) from public, anon, authenticated;
