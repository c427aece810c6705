-- What is wrong now, told once when it begins and once when it is over, by whichever worker comes first.
--
--   troubles ──▶ an alarm is opened, or closed ──▶ claim ──▶ sent ──▶ told
--                                                    ▲        └──▶ not told, later and later
--                                                    └── a minute on: whoever claimed it died

-- `opens`: enough to begin an incident. A row without keeps an open one open, so that what swings around a limit is
-- one incident and not a hundred.
create function meshqueue.troubles(waiting_minutes integer, quota_bytes numeric)
returns table (kind text, subject text, detail jsonb, opens boolean)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'provider_paused', p.provider::text,
      jsonb_build_object('reasons', jsonb_agg(distinct p.reason), 'since', min(p.since),
        'wholly', meshqueue.provider_paused(p.provider)), true
    from meshqueue.pauses p group by p.provider
  union all
  select 'deliveries_paused', '', jsonb_build_object('reason', d.reason, 'since', d.since), true
    from meshqueue.delivery_pause d
  union all
  select 'submission_lost', l.provider::text,
      jsonb_build_object('jobs', count(distinct l.job_id), 'first', min(l.job_id::text)), true
    from meshqueue.lost_lately() l group by l.provider
  union all
  select 'jobs_waiting', '', jsonb_build_object('minutes', w.minutes, 'jobs', w.jobs, 'limit', waiting_minutes),
      w.minutes > waiting_minutes
    from meshqueue.longest_wait() w where w.minutes > waiting_minutes * 0.8
  union all
  select 'jobs_waiting', '', '{}', false where meshqueue.tries_one_again(waiting_minutes)
  union all
  select 'storage_filling', '', jsonb_build_object('bytes', m.value, 'quota', quota_bytes), m.value > quota_bytes * 0.8
    from meshqueue.measurements m
    where m.name = 'stored_bytes' and quota_bytes > 0 and m.value > quota_bytes * 0.75
  union all
  select 'restarts', r.what, jsonb_build_object('times', r.times), r.times >= 3
    from meshqueue.restarts_lately() r where r.times > 0
$$;
revoke execute on function meshqueue.troubles(integer, numeric) from public, anon, authenticated;

-- Most are found again within seconds: what was lost in the last minutes counts too, or it would never be told.
create function meshqueue.lost_lately()
returns table (provider public.provider_type, job_id uuid)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select u.provider, u.job_id from meshqueue.unresolved_submissions() u
  union
  select r.provider, r.job_id
  from meshqueue.incidents i join meshqueue.runs r on r.id = i.run_id
  where i.kind = 'submission_lost' and i.created_at > now() - interval '2 minutes'
$$;
revoke execute on function meshqueue.lost_lately() from public, anon, authenticated;

-- For a slot, with its slot for a worker, or put off again and again: by a storage that refuses, by a full disk. What a
-- pause explains has no time to be woken at.
create function meshqueue.longest_wait()
returns table (minutes integer, jobs bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select (extract(epoch from now() - min(w.since)) / 60)::integer, count(*)
  from (
    select a.since from meshqueue.waiting a
    union all
    select r.wake_at from meshqueue.runs r where r.state = 'ready' and r.wake_at < now()
    union all
    select r.created_at from meshqueue.runs r where r.state = 'held' and r.wake_at is not null
  ) w
  having count(*) > 0
$$;
revoke execute on function meshqueue.longest_wait() from public, anon, authenticated;

-- What was put off is begun now and then, and put off again: for those seconds nothing is over.
create function meshqueue.tries_one_again(waiting_minutes integer)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from meshqueue.runs r
    where r.state in ('ready', 'running') and r.attempt > 1
      and r.created_at < now() - make_interval(mins => waiting_minutes)
      and not exists (select from meshqueue.submissions s where s.run_id = r.id and s.outcome = 'accepted'))
$$;
revoke execute on function meshqueue.tries_one_again(integer) from public, anon, authenticated;

-- Workers that ended without a word soon after they began, and parts that a living worker had to start again.
create function meshqueue.restarts_lately()
returns table (what text, times bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'workers', count(*)
    from meshqueue.workers w
    where w.started_at > now() - interval '15 minutes' and w.left_at is null and not meshqueue.worker_lives(w)
  union all
  select 'parts', coalesce(max((w.info ->> 'restarts')::bigint), 0)
    from meshqueue.workers w
    where meshqueue.worker_lives(w) and jsonb_typeof(w.info -> 'restarts') = 'number'
$$;
revoke execute on function meshqueue.restarts_lately() from public, anon, authenticated;

-- One worker looks at a time; the others need not wait for it.
create function meshqueue.look_for_trouble(waiting_minutes integer, quota_bytes numeric)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  if not pg_try_advisory_xact_lock(hashtextextended('meshqueue alarms', 0)) then
    return;
  end if;
  with wrong as materialized (
    select * from meshqueue.troubles(waiting_minutes, quota_bytes)
  ), opened as (
    insert into meshqueue.alarms as a (kind, subject, detail)
      select w.kind, w.subject, w.detail from wrong w where w.opens
      on conflict (kind, subject) where over_at is null do update
        set detail = excluded.detail, told_at = null, tries = 0, due_at = now()
        where a.detail -> 'wholly' = 'false' and excluded.detail -> 'wholly' = 'true'  -- worse: told anew
  )
  update meshqueue.alarms a set over_at = now(), due_at = least(a.due_at, now())
    where a.over_at is null and not exists (
      select from wrong w where w.kind = a.kind and w.subject = a.subject);
  -- Old news helps nobody: the address was wrong for a day, or there was none for long.
  delete from meshqueue.alarms a
    where a.over_at < now() - interval '7 days' or a.told_at is null and a.over_at < now() - interval '1 day';
end
$$;
revoke execute on function meshqueue.look_for_trouble(integer, numeric) from public, anon, authenticated;

-- Ours for a minute. Whoever is slower may tell it twice; nobody tells it never.
create function meshqueue.claim_alarms(at_most integer default 10)
returns jsonb
language sql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  with claimed as (
    update meshqueue.alarms a set due_at = now() + interval '1 minute', tries = a.tries + 1
    where a.id in (
      select o.id from meshqueue.alarms o
      where o.over_told_at is null and o.due_at <= now() and (o.told_at is null or o.over_at is not null)
      order by o.id limit at_most for no key update skip locked)
    returning a.*
  )
  select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'subject', c.subject, 'detail', c.detail,
    'began_at', c.began_at, 'over_at', c.over_at, 'told', c.told_at is not null) order by c.id), '[]')
  from claimed c
$$;
revoke execute on function meshqueue.claim_alarms(integer) from public, anon, authenticated;

-- `as_over`: the message said that it was over. One that said both is told as both.
create function meshqueue.alarm_told(alarm bigint, as_over boolean)
returns void
language sql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  update meshqueue.alarms a
  set told_at = coalesce(a.told_at, now()), tries = 0, due_at = now(),
    over_told_at = case when as_over then coalesce(a.over_told_at, now()) else a.over_told_at end
  where a.id = alarm
$$;
revoke execute on function meshqueue.alarm_told(bigint, boolean) from public, anon, authenticated;

-- Tried again after 30 s, 1, 2, 4 … minutes, at last once an hour, or as late as the other side asks.
create function meshqueue.alarm_not_told(alarm bigint, not_before interval default '0')
returns void
language sql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
  update meshqueue.alarms a
  set due_at = now() + greatest(not_before, meshqueue.later_and_later(a.tries, interval '30 seconds', interval '1 hour'))
  where a.id = alarm and a.over_told_at is null
$$;
revoke execute on function meshqueue.alarm_not_told(bigint, interval) from public, anon, authenticated;

-- Untold are those that somebody tries to tell, at least once an hour: without an address nobody does, for ever.
create function meshqueue.vitals_of_alarms()
returns table (name text, labels jsonb, value numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'alarms_open', jsonb_build_object('kind', a.kind), count(*)
    from meshqueue.alarms a where a.over_at is null group by a.kind
  union all
  select 'alarms_untold', '{}', count(*)
    from meshqueue.alarms a
    where a.over_told_at is null and (a.told_at is null or a.over_at is not null)
      and a.due_at > now() - interval '2 hours'
$$;
revoke execute on function meshqueue.vitals_of_alarms() from public, anon, authenticated;
