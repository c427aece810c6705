-- What /metrics shows of the whole place. Every worker asks the same, so all of them answer alike: of these numbers
-- one takes the highest over all workers, never the sum.
--
-- Jobs end in many ways that no worker sees (a cancel, a deadline under pg_cron, a hand in a table editor), so what
-- became of them is counted here, in the transaction that decided it.

create function meshqueue.tally(name text, provider text, detail text, amount numeric)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into meshqueue.tallies (name, provider, detail, amount)
    values (tally.name, tally.provider, tally.detail, tally.amount)
$$;
revoke execute on function meshqueue.tally(text, text, text, numeric) from public, anon, authenticated;

create function meshqueue.known_codes()
returns text[]
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select '{invalid_request,moderated,not_found,unauthorised,out_of_credit,rate_limited,no_slot,unavailable,task_failed,
    task_expired,submission_unknown,queue_timeout,timeout,delivery_timeout,ended_by_operator,other}'::text[]
$$;
revoke execute on function meshqueue.known_codes() from public, anon, authenticated;

-- What an operator writes by hand may be anything, and each word would be a series for ever.
create function meshqueue.known_code(code text)
returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when code = any (meshqueue.known_codes()) then code else 'other' end
$$;
revoke execute on function meshqueue.known_code(text) from public, anon, authenticated;

create function meshqueue.count_ending()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.tallies (name, provider, detail, amount)
    select t.name, new.provider, t.detail, t.amount
    from (values
      ('jobs_ended', lower(new.status::text), 1),
      ('jobs_failed', case when new.status = 'FAILED' then meshqueue.known_code(new.error_code) end, 1),
      ('model_bytes', 'before', (new.result_payload ->> 'bytes_before')::numeric),
      ('model_bytes', 'after', (new.result_payload ->> 'bytes_after')::numeric)
    ) as t (name, detail, amount)
    where t.detail is not null and t.amount is not null;
  return null;
end
$$;
revoke execute on function meshqueue.count_ending() from public, anon, authenticated;

create trigger ai_jobs_counted after update of status on public.ai_jobs
  for each row when (old.status < 'SUCCEEDED' and new.status >= 'SUCCEEDED')
  execute function meshqueue.count_ending();

-- Of a settlement, what was charged and what came back. Reservations are not counted: that would cost every create,
-- and what is reserved now stands in the accounts.
create function meshqueue.count_entry()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.tallies (name, detail, amount)
    select 'credits', t.detail, t.amount
    from (values
      ('granted', case when new.kind = 'grant' then greatest(new.amount, 0) end),
      ('taken_back', case when new.kind = 'grant' then greatest(-new.amount, 0) end),
      ('settled', case when new.kind = 'settle' then -new.amount end),
      ('released', new.amount - new.hold)
    ) as t (detail, amount)
    where t.amount > 0 and (t.detail <> 'released' or new.kind <> 'grant');
  return null;
end
$$;
revoke execute on function meshqueue.count_entry() from public, anon, authenticated;

create trigger credit_ledger_counted after insert on public.credit_ledger
  for each row when (new.kind <> 'reserve') execute function meshqueue.count_entry();

-- Lost, and later what it turned out to be: the one word does not exclude the other.
create function meshqueue.count_submission()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.tally('submissions', new.provider::text, new.outcome::text, 1);
  if new.ended_at is not null and new.provider_credits > 0 then
    perform meshqueue.tally('provider_credits', new.provider::text, '', new.provider_credits);
  end if;
  return null;
end
$$;
revoke execute on function meshqueue.count_submission() from public, anon, authenticated;

create trigger submissions_counted after update of outcome on meshqueue.submissions
  for each row when (old.outcome <> new.outcome and (new.outcome = 'lost' or old.ended_at is null and new.ended_at is not null))
  execute function meshqueue.count_submission();

-- Many lines become one. One statement: whoever reads meanwhile sees the lines or their sum, never neither.
create function meshqueue.fold_tallies()
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  folded integer;
begin
  if (select count(*) from meshqueue.tallies) < 500
    or not pg_try_advisory_xact_lock(hashtextextended('meshqueue tallies', 0))
  then
    return 0;
  end if;
  with gone as (
    delete from meshqueue.tallies t where t.id in (select o.id from meshqueue.tallies o order by o.id limit 10000)
    returning t.*
  )
  insert into meshqueue.tallies (name, provider, detail, amount)
    select g.name, g.provider, g.detail, sum(g.amount) from gone g group by g.name, g.provider, g.detail;
  get diagnostics folded = row_count;
  return folded;
end
$$;
revoke execute on function meshqueue.fold_tallies() from public, anon, authenticated;

-- Found by two small indexes: of all runs that are kept, those that have not ended are a handful.
create function meshqueue.live_runs()
returns setof meshqueue.runs
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.* from meshqueue.runs r where r.state in ('ready', 'held', 'draining')
  union all
  select r.* from meshqueue.runs r where r.worker_id is not null and r.state = 'running'
$$;
revoke execute on function meshqueue.live_runs() from public, anon, authenticated;

create function meshqueue.unresolved_submissions()
returns table (provider public.provider_type, job_id uuid, gave_up_at timestamptz)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.provider, r.job_id, s.gave_up_at
  from meshqueue.live_runs() r join meshqueue.submissions s on s.run_id = r.id
  where s.outcome = 'lost'
$$;
revoke execute on function meshqueue.unresolved_submissions() from public, anon, authenticated;

-- Nothing so far is a number too: a counter that begins with its first one has not risen, to those who watch it rise.
create function meshqueue.uncounted()
returns table (name text, provider text, detail text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select w.name, p.provider::text, w.detail
  from (select distinct o.provider from meshqueue.pools o) p, (
    select 'jobs_ended' as name, unnest('{succeeded,failed,canceled}'::text[]) as detail
    union all
    select 'jobs_failed', unnest(meshqueue.known_codes())
    union all
    select 'submissions', unnest('{lost,refused,absent,succeeded,failed,canceled}'::text[])
    union all
    select 'model_bytes', unnest('{before,after}'::text[])
    union all
    select 'provider_credits', ''
  ) w
  union all
  select 'credits', '', unnest('{granted,taken_back,settled,released}'::text[])
$$;
revoke execute on function meshqueue.uncounted() from public, anon, authenticated;

create function meshqueue.counted()
returns table (name text, labels jsonb, value numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select t.name, jsonb_strip_nulls(jsonb_build_object('provider', nullif(t.provider, ''), 'detail', nullif(t.detail, ''))),
    sum(t.amount)
  from (
    select o.name, o.provider, o.detail, o.amount from meshqueue.tallies o
    union all
    select u.name, u.provider, u.detail, 0 from meshqueue.uncounted() u
  ) t
  group by t.name, t.provider, t.detail
$$;
revoke execute on function meshqueue.counted() from public, anon, authenticated;

create function meshqueue.vitals_of_queue()
returns table (name text, labels jsonb, value numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with waiting as (
    select w.pool, count(*) as jobs, min(w.since) as since from meshqueue.waiting w group by w.pool
  )
  select 'jobs_waiting', jsonb_build_object('pool', p.name), coalesce(w.jobs, 0)
    from meshqueue.pools p left join waiting w on w.pool = p.name
  union all
  select 'oldest_waiting_seconds', jsonb_build_object('pool', p.name), coalesce(extract(epoch from now() - w.since), 0)
    from meshqueue.pools p left join waiting w on w.pool = p.name
  union all
  select 'oldest_ready_seconds', '{}', coalesce(extract(epoch from now() - min(r.wake_at)), 0)
    from meshqueue.runs r where r.state = 'ready' and r.wake_at < now()
  union all
  select 'runs', jsonb_build_object('provider', r.provider, 'stage', r.stage, 'state', r.state), count(*)
    from meshqueue.live_runs() r group by r.provider, r.stage, r.state
  union all
  select 'slots', jsonb_build_object('pool', s.pool), count(*) from meshqueue.slots s group by s.pool
  union all
  select 'slots_taken', jsonb_build_object('pool', s.pool), count(s.run_id) from meshqueue.slots s group by s.pool
$$;
revoke execute on function meshqueue.vitals_of_queue() from public, anon, authenticated;

create function meshqueue.vitals_of_providers()
returns table (name text, labels jsonb, value numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with known as (
    select distinct p.provider from meshqueue.pools p
  )
  select 'provider_paused', jsonb_build_object('provider', k.provider),
    case when exists (select from meshqueue.pauses p where p.provider = k.provider) then 1 else 0 end
    from known k
  union all
  select 'submissions_unresolved', jsonb_build_object('provider', k.provider),
    (select count(*) from meshqueue.unresolved_submissions() u where u.provider = k.provider)
    from known k
  union all
  select 'workers', '{}', count(*) from meshqueue.workers w where meshqueue.worker_lives(w)
  union all
  select 'worker_last_seen_timestamp_seconds', '{}', extract(epoch from max(w.seen_at)) from meshqueue.workers w
$$;
revoke execute on function meshqueue.vitals_of_providers() from public, anon, authenticated;

create function meshqueue.vitals_of_storage()
returns table (name text, labels jsonb, value numeric)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'deliveries_paused', '{}'::jsonb, (select count(*) from meshqueue.delivery_pause)::numeric
  union all
  select 'removals_waiting', '{}', (select count(*) from meshqueue.removals)
  union all
  select 'removals_failing', '{}', (select count(*) from meshqueue.removals m where m.why is not null)
  union all
  select 'publications_waiting', '{}', (select count(*) from meshqueue.publications p where p.done_version < p.version)
  union all
  select m.name, '{}', m.value from meshqueue.measurements m where m.measured_at > '-infinity'
  union all
  select 'credits_reserved', '{}', (select coalesce(sum(a.reserved), 0) from public.credit_accounts a)
$$;
revoke execute on function meshqueue.vitals_of_storage() from public, anon, authenticated;

create function meshqueue.vitals()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(jsonb_build_array(v.name, v.labels, v.value))
  from (
    select * from meshqueue.counted()
    union all select * from meshqueue.vitals_of_queue()
    union all select * from meshqueue.vitals_of_providers()
    union all select * from meshqueue.vitals_of_storage()
    union all select * from meshqueue.vitals_of_alarms()
  ) v
  where v.value is not null
$$;
revoke execute on function meshqueue.vitals() from public, anon, authenticated;

-- The sum over all objects takes half a second per 100,000: one worker measures it, every quarter of an hour.
create function meshqueue.may_measure(what text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  update meshqueue.measurements m set measured_at = now()
    where m.name = what and m.measured_at < now() - interval '15 minutes';
  return found;
end
$$;
revoke execute on function meshqueue.may_measure(text) from public, anon, authenticated;

-- Whatever fills the plan's room: users' images and other buckets too, which the platform lists. A folder has no list.
create function meshqueue.measure_storage()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update meshqueue.measurements m
  set value = case m.name when 'stored_bytes' then s.bytes else s.objects end, measured_at = now()
  from (
    select coalesce(sum(coalesce((o.metadata ->> 'size')::bigint, f.bytes)), 0) as bytes, count(*) as objects
    from (select bucket, path, max(bytes) as bytes from public.asset_files group by bucket, path) f
    full join storage.objects o on o.bucket_id = f.bucket and o.name = f.path
  ) s
  where m.name in ('stored_bytes', 'stored_objects')
$$;
revoke execute on function meshqueue.measure_storage() from public, anon, authenticated;

-- When a stage asked for its place, had it, was begun and ended; and its job. Told after a worker has left it.
create function meshqueue.times_of_run(run bigint)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('state', r.state, 'held_for', r.held_for,
    'asked_at', greatest(j.created_at, (
      select max(b.ended_at) from meshqueue.runs b where b.job_id = r.job_id and b.id < r.id)),
    'placed_at', r.created_at, 'begun_at', r.begun_at, 'ended_at', r.ended_at,
    'job_created_at', j.created_at, 'job_finished_at', j.finished_at, 'job_status', j.status,
    'error_code', j.error_code, 'kind', j.kind)
  from meshqueue.runs r left join public.ai_jobs j on j.id = r.job_id
  where r.id = times_of_run.run
$$;
revoke execute on function meshqueue.times_of_run(bigint) from public, anon, authenticated;
