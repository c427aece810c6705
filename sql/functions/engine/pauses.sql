-- A provider that lacks money or refuses a key is paused for that key: its waiting jobs wait, new ones are refused.

create function meshqueue.pause_provider(
  provider public.provider_type, fingerprint text default '*', reason text default 'operator',
  detail jsonb default '{}'
)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.pauses (provider, fingerprint, reason, detail)
    values (pause_provider.provider, pause_provider.fingerprint, pause_provider.reason, pause_provider.detail)
    on conflict do nothing;
  if found then
    perform meshqueue.report_incident('provider_paused', null, null, jsonb_build_object(
      'provider', provider, 'reason', reason) || detail);
  end if;
  return found;
end
$$;
revoke execute on function meshqueue.pause_provider(public.provider_type, text, text, jsonb)
  from public, anon, authenticated;

-- Those that end when the provider answers again; the operator ends his own.
create function meshqueue.paused_keys()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object('provider', p.provider, 'fingerprint', p.fingerprint,
    'reason', p.reason, 'since', p.since)), '[]')
  from meshqueue.pauses p
  where p.reason <> 'operator'
$$;
revoke execute on function meshqueue.paused_keys() from public, anon, authenticated;

-- Why this worker may send no paid request now; null where it may.
create function meshqueue.pause_of(asked public.provider_type, by_worker uuid)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return case
    when meshqueue.provider_paused(asked) then 'paused'
    when exists (
      select from meshqueue.pauses p join meshqueue.workers w on w.serves ->> asked::text = p.fingerprint
      where p.provider = asked and w.id = by_worker) then 'key_paused'
  end;
end
$$;
revoke execute on function meshqueue.pause_of(public.provider_type, uuid) from public, anon, authenticated;

-- Since when nobody could submit anything; null while somebody can.
create function meshqueue.paused_since(asked public.provider_type)
returns timestamptz
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(min(p.since) filter (where p.fingerprint = '*'), max(p.since))
  from meshqueue.pauses p
  where p.provider = asked and meshqueue.provider_paused(asked)
$$;
revoke execute on function meshqueue.paused_since(public.provider_type) from public, anon, authenticated;

-- Held runs first, then those that wait for a slot.
create function meshqueue.resume_provider(provider public.provider_type, fingerprint text default '*')
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  since constant timestamptz := meshqueue.paused_since(provider);
  lifted meshqueue.pauses;
begin
  delete from meshqueue.pauses p
    where p.provider = resume_provider.provider and p.fingerprint = resume_provider.fingerprint
    returning * into lifted;
  if not found then
    return false;
  end if;
  perform meshqueue.report_incident('provider_resumed', null, null, jsonb_build_object('provider', provider));
  perform meshqueue.reopen_provider(provider, since);
  return true;
end
$$;
revoke execute on function meshqueue.resume_provider(public.provider_type, text) from public, anon, authenticated;

-- `stopped_since` is null where another key kept it open.
create function meshqueue.reopen_provider(open_provider public.provider_type, stopped_since timestamptz)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if meshqueue.provider_paused(open_provider) then
    return;
  end if;
  if stopped_since is not null then
    perform meshqueue.stretch_deadlines(open_provider, stopped_since);
  end if;
  perform meshqueue.hand_out_again(r)
    from (
      select * from meshqueue.runs h
      where h.provider = open_provider and h.state = 'held' and h.held_for = 'paused'
      order by h.id for no key update skip locked
    ) r;
  perform meshqueue.admit(p.name) from meshqueue.pools p where p.provider = open_provider order by p.name;
end
$$;
revoke execute on function meshqueue.reopen_provider(public.provider_type, timestamptz) from public, anon, authenticated;

-- A job that was left out would expire at once, so who works on one is waited for. Not for long: a session that hangs
-- must keep no worker from its heartbeat and no provider from being open again.
create function meshqueue.lock_working(of_provider public.provider_type)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
begin
  perform from public.ai_jobs k
    where k.provider = of_provider and k.status = 'IN_PROGRESS' and k.stage <> 'DELIVER'
    order by k.id for no key update;
exception when lock_not_available or deadlock_detected then
  null;
end
$$;
revoke execute on function meshqueue.lock_working(public.provider_type) from public, anon, authenticated;

-- Time under a pause does not count against a job that was working. Time in line for a slot is given back by itself.
create function meshqueue.stretch_deadlines(of_provider public.provider_type, paused_since timestamptz)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.lock_working(of_provider);
  update public.ai_jobs j
  set deadline_at = j.deadline_at
    + greatest(working.until - greatest(paused_since, j.started_at), interval '0')
  from (
    select k.id, coalesce((select w.since from meshqueue.waiting w where w.job_id = k.id), now()) as until
    from public.ai_jobs k
    where k.provider = of_provider and k.status = 'IN_PROGRESS' and k.stage <> 'DELIVER'
    order by k.id for no key update skip locked
  ) working
  where j.id = working.id
$$;
revoke execute on function meshqueue.stretch_deadlines(public.provider_type, timestamptz)
  from public, anon, authenticated;

create function meshqueue.paused_providers()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(p.provider, meshqueue.paused_since(p.provider)), '{}')
  from (select distinct a.provider from meshqueue.pauses a) p
  where meshqueue.provider_paused(p.provider)
$$;
revoke execute on function meshqueue.paused_providers() from public, anon, authenticated;

-- Of a key that no living worker has, while one has another. Where none lives, its pause keeps jobs from coming in.
create function meshqueue.drop_pauses_of_nobody()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  delete from meshqueue.pauses p
  where p.fingerprint <> '*'
    and exists (
      select from meshqueue.workers w where meshqueue.worker_lives(w) and w.serves ? p.provider::text)
    and not exists (
      select from meshqueue.workers w
      where meshqueue.worker_lives(w) and w.serves ->> p.provider::text = p.fingerprint)
$$;
revoke execute on function meshqueue.drop_pauses_of_nobody() from public, anon, authenticated;

-- A worker came, came back, or came with other keys: pauses of keys that nobody uses any more are over, and a good
-- key opens what was paused before.
create function meshqueue.keys_changed(arrived meshqueue.workers, paused_before jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.drop_pauses_of_nobody();
  perform meshqueue.reopen_provider(b.key::public.provider_type, b.value::timestamptz)
    from jsonb_each_text(paused_before) b
    where arrived.serves ? b.key;
end
$$;
revoke execute on function meshqueue.keys_changed(meshqueue.workers, jsonb) from public, anon, authenticated;
