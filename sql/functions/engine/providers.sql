-- What a provider allows at the moment: which pool a stage takes, whether it is served, paused, within its budget.

create function meshqueue.lease()
returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select interval '30 seconds'
$$;
revoke execute on function meshqueue.lease() from public, anon, authenticated;

-- Null for DELIVER, which needs none.
create function meshqueue.pool_of(of_provider public.provider_type, stage public.job_stage)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.name from meshqueue.pools p where p.provider = of_provider and stage = any (p.stages)
$$;
revoke execute on function meshqueue.pool_of(public.provider_type, public.job_stage) from public, anon, authenticated;

create function meshqueue.worker_lives(worker meshqueue.workers)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select worker.left_at is null and worker.seen_at > now() - meshqueue.lease()
$$;
revoke execute on function meshqueue.worker_lives(meshqueue.workers) from public, anon, authenticated;

-- Paused: by the operator, or with every key that a living worker holds for it.
create function meshqueue.provider_paused(asked public.provider_type)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from meshqueue.pauses p where p.provider = asked) then
    return false;
  end if;
  return exists (select from meshqueue.pauses p where p.provider = asked and p.fingerprint = '*')
    or not exists (
      select from meshqueue.workers w
      where meshqueue.worker_lives(w) and w.serves ? asked::text and not exists (
        select from meshqueue.pauses p
        where p.provider = asked and p.fingerprint = w.serves ->> asked::text
      )
    );
end
$$;
revoke execute on function meshqueue.provider_paused(public.provider_type) from public, anon, authenticated;

-- False only when workers were seen lately and none had its key; a queue whose workers are down takes jobs.
create function meshqueue.provider_configured(asked public.provider_type)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select coalesce(bool_or(w.serves ? asked::text), true)
    from meshqueue.workers w
    where w.seen_at > now() - interval '7 days'
  );
end
$$;
revoke execute on function meshqueue.provider_configured(public.provider_type) from public, anon, authenticated;

create function meshqueue.spent_today(asked public.provider_type)
returns numeric
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(s.provider_credits), 0)
  from meshqueue.submissions s
  where s.provider = asked and s.intent_at >= date_trunc('day', now(), 'UTC')
$$;
revoke execute on function meshqueue.spent_today(public.provider_type) from public, anon, authenticated;

-- Asked again right before a paid request: as many as there are slots may have been admitted under the same sum.
create function meshqueue.within_budget(asked public.provider_type, more numeric)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  day_limit numeric := meshqueue.setting('max_provider_credits_per_day_' || lower(asked::text));
begin
  if day_limit is null then
    return true;
  end if;
  perform pg_advisory_xact_lock(hashtextextended('meshqueue budget ' || asked, 0));
  return meshqueue.spent_today(asked) + coalesce(more, 0) <= day_limit;
end
$$;
revoke execute on function meshqueue.within_budget(public.provider_type, numeric) from public, anon, authenticated;

-- May another paid task of this provider be started now?
create function meshqueue.provider_admits(asked public.provider_type)
returns boolean
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  force meshqueue.in_force;
  day_limit numeric;
begin
  select * into force from meshqueue.in_force;
  if asked = any (force.doubtful) and meshqueue.provider_paused(asked) then
    return false;
  end if;
  day_limit := force.settings ->> ('max_provider_credits_per_day_' || lower(asked::text));
  return day_limit is null or meshqueue.spent_today(asked) < day_limit;
end
$$;
revoke execute on function meshqueue.provider_admits(public.provider_type) from public, anon, authenticated;

-- Keeps the hint: a provider with a pause, or one that no worker of the last days has a key for. Who finds the row
-- locked leaves it to the next heartbeat: a change of settings that is left open must keep no worker from its own.
create function meshqueue.note_doubts()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from meshqueue.in_force f for no key update skip locked;
  if not found then
    return;
  end if;
  update meshqueue.in_force f set doubtful = d.doubtful
  from (
    select coalesce(array_agg(p order by p), '{}') as doubtful
    from unnest(enum_range(null::public.provider_type)) p
    where not meshqueue.provider_configured(p) or exists (select from meshqueue.pauses a where a.provider = p)
  ) d
  where f.doubtful <> d.doubtful;
end
$$;
revoke execute on function meshqueue.note_doubts() from public, anon, authenticated;

-- A pause is to be noted at once where it can be; so a change that is just being made is waited for.
create function meshqueue.await_in_force()
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '500ms'
as $$
begin
  perform from meshqueue.in_force f for no key update;
exception when lock_not_available or deadlock_detected then
  null;
end
$$;
revoke execute on function meshqueue.await_in_force() from public, anon, authenticated;

create function meshqueue.pauses_changed()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.await_in_force();
  perform meshqueue.note_doubts();
  return null;
end
$$;
revoke execute on function meshqueue.pauses_changed() from public, anon, authenticated;

create trigger pauses_changed after insert or update or delete on meshqueue.pauses
  for each statement execute function meshqueue.pauses_changed();

-- PT503 for a provider that can't take a new job. Workers that are merely down refuse nothing.
create function meshqueue.require_provider(asked public.provider_type)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not meshqueue.provider_configured(asked) then
    raise sqlstate 'PT503' using
      message = format('provider %s is not configured', asked), detail = asked::text,
      hint = 'No worker has a key for it. Choose another provider, or give the worker its key.';
  end if;
  if meshqueue.provider_paused(asked) and (
    exists (select from meshqueue.pauses p where p.provider = asked and p.fingerprint = '*')
    or exists (select from meshqueue.workers w where meshqueue.worker_lives(w) and w.serves ? asked::text)
  ) then
    raise sqlstate 'PT503' using
      message = format('provider %s is paused', asked), detail = asked::text,
      hint = 'It takes new jobs again when the pause is over. Nothing was charged.';
  end if;
end
$$;
revoke execute on function meshqueue.require_provider(public.provider_type) from public, anon, authenticated;
