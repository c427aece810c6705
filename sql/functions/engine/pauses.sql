-- A provider that lacks money or refuses a key is paused for that key: its waiting jobs wait, new ones are refused.

create function meshqueue.pause_provider(
  provider public.provider_type, fingerprint text default '*', reason text default 'operator',
  detail jsonb default '{}'
)
returns boolean
language plpgsql
set search_path = ''
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

-- Held runs first, then those that wait for a slot.
create function meshqueue.resume_provider(provider public.provider_type, fingerprint text default '*')
returns boolean
language plpgsql
set search_path = ''
as $$
declare
  lifted meshqueue.pauses;
begin
  delete from meshqueue.pauses p
    where p.provider = resume_provider.provider and p.fingerprint = resume_provider.fingerprint
    returning * into lifted;
  if not found then
    return false;
  end if;
  perform meshqueue.report_incident('provider_resumed', null, null, jsonb_build_object('provider', provider));
  perform meshqueue.reopen_provider(provider, lifted.since);
  return true;
end
$$;
revoke execute on function meshqueue.resume_provider(public.provider_type, text) from public, anon, authenticated;

create function meshqueue.reopen_provider(open_provider public.provider_type, paused_since timestamptz)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if meshqueue.provider_paused(open_provider) then
    return;
  end if;
  perform meshqueue.stretch_deadlines(open_provider, paused_since);
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

-- Time under a pause does not count against a job that was working.
create function meshqueue.stretch_deadlines(of_provider public.provider_type, paused_since timestamptz)
returns void
language sql
set search_path = ''
as $$
  update public.ai_jobs j
  set deadline_at = j.deadline_at + (now() - greatest(paused_since, j.started_at))
  from (
    select k.id from public.ai_jobs k
    where k.provider = of_provider and k.status = 'IN_PROGRESS' and k.stage <> 'DELIVER'
    order by k.id for no key update skip locked
  ) working
  where j.id = working.id
$$;
revoke execute on function meshqueue.stretch_deadlines(public.provider_type, timestamptz)
  from public, anon, authenticated;

-- A worker came with other keys: pauses of keys that nobody uses any more are over, and a good key opens the provider.
create function meshqueue.keys_changed(arrived meshqueue.workers)
returns void
language plpgsql
set search_path = ''
as $$
declare
  old_pause meshqueue.pauses;
begin
  for old_pause in
    delete from meshqueue.pauses p
    where p.fingerprint <> '*' and arrived.serves ? p.provider::text
      and arrived.serves ->> p.provider::text <> p.fingerprint
      and not exists (
        select from meshqueue.workers w
        where meshqueue.worker_lives(w) and w.serves ->> p.provider::text = p.fingerprint
      )
    returning p.*
  loop
    perform meshqueue.reopen_provider(old_pause.provider, old_pause.since);
  end loop;
  perform meshqueue.reopen_provider(p.provider, p.since) from meshqueue.pauses p
    where arrived.serves ? p.provider::text and arrived.serves ->> p.provider::text <> p.fingerprint;
end
$$;
revoke execute on function meshqueue.keys_changed(meshqueue.workers) from public, anon, authenticated;
