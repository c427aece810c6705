-- What must hold at every moment, whoever died on the way: `select * from meshqueue.audit()`. Each function below names
-- the promises of one subject that are broken, and by what. They are stable, so all of them see the same snapshot: work
-- under way can't look like a fault. `grace` is what rescues, sweeps and wake-ups get before their work counts as missing.

create function meshqueue.audit_accounts()
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with sums as (
    select l.user_id, sum(l.amount) as amounts, sum(l.hold) as holds
    from public.credit_ledger l where l.user_id is not null group by l.user_id
  ), open as (
    select l.user_id, sum(l.hold) as holds
    from public.credit_ledger l
    where l.kind = 'reserve' and l.user_id is not null and not exists (
      select from public.credit_ledger e where e.job_id = l.job_id and e.kind in ('settle', 'release'))
    group by l.user_id
  )
  select 'balance', user_id::text
    from public.credit_accounts a full join sums s using (user_id)
    where coalesce(a.balance, 0) <> coalesce(s.amounts, 0) or coalesce(a.reserved, 0) <> coalesce(s.holds, 0)
  union all
  select 'reserved', user_id::text
    from public.credit_accounts a full join open o using (user_id)
    where coalesce(a.reserved, 0) <> coalesce(o.holds, 0)
  union all
  select 'covered', a.user_id::text from public.credit_accounts a where a.reserved not between 0 and a.balance
$$;
revoke execute on function meshqueue.audit_accounts() from public, anon, authenticated;

create function meshqueue.audit_payments()
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with paid as (
    select l.job_id, count(*) filter (where l.kind = 'reserve') as reserves,
      count(*) filter (where l.kind in ('settle', 'release')) as endings,
      coalesce(sum(l.hold) filter (where l.kind = 'reserve'), 0) as reserved, sum(l.hold) as held,
      -sum(l.amount) as charged
    from public.credit_ledger l where l.job_id is not null group by l.job_id
  )
  select 'reserved_once', j.id::text
    from public.ai_jobs j left join paid p on p.job_id = j.id
    where j.credits_cost <> coalesce(p.reserved, 0) or p.reserves > 1
  union all
  select 'settled_once', p.job_id::text
    from paid p left join public.ai_jobs j on j.id = p.job_id
    where case when j.id is null or meshqueue.is_over(j.status) then p.endings <> 1 or p.held <> 0 or p.reserves <> 1
      else p.endings > 0 end
  union all
  select 'charged_rightly', p.job_id::text
    from paid p left join public.ai_jobs j on j.id = p.job_id
    where p.charged not between 0 and p.reserved or p.charged > 0 and j.status = 'FAILED'
$$;
revoke execute on function meshqueue.audit_payments() from public, anon, authenticated;

create function meshqueue.audit_jobs()
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with active as (
    select r.job_id, r.stage from meshqueue.runs r where r.state in ('ready', 'held', 'running')
    union all
    select w.job_id, w.stage from meshqueue.waiting w
  ), counted as (
    select a.job_id, count(*) as stages, min(a.stage) as stage from active a group by a.job_id
  )
  select 'open_moves', j.id::text
    from public.ai_jobs j left join counted c on c.job_id = j.id
    where not meshqueue.is_over(j.status)
      and (c.stages is distinct from 1 or c.stage <> j.stage or j.deadline_at is null)
  union all
  select 'ended_rests', c.job_id::text
    from counted c left join public.ai_jobs j on j.id = c.job_id
    where j.id is null or meshqueue.is_over(j.status)
  union all
  select 'ended_dated', j.id::text
    from public.ai_jobs j where meshqueue.is_over(j.status) <> (j.finished_at is not null)
$$;
revoke execute on function meshqueue.audit_jobs() from public, anon, authenticated;

-- Somebody who is able to has had the time to put it right.
create function meshqueue.somebody_rescues(grace interval)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from meshqueue.workers w
    where meshqueue.worker_lives(w) and w.unbroken_since <= now() - meshqueue.lease() - grace)
$$;
revoke execute on function meshqueue.somebody_rescues(interval) from public, anon, authenticated;

create function meshqueue.audit_slots(grace interval)
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with pools as (
    select p.name, p.provider, meshqueue.capacity(p.name) as capacity, count(s.id) as tokens, count(s.run_id) as taken
    from meshqueue.pools p left join meshqueue.slots s on s.pool = p.name
    where not exists (  -- it is about to be put right
      select from procrastinate.procrastinate_jobs q
      where q.status in ('todo', 'doing') and q.task_name = 'admit' and q.args ->> 'pool' = p.name)
    group by p.name, p.provider
  )
  select 'slot_used', s.id::text
    from meshqueue.slots s left join meshqueue.runs r on r.id = s.run_id
    where s.run_id is not null and (r.id is null or r.ended_at is not null or r.pool <> s.pool)
  union all
  select 'run_has_slot', r.id::text
    from meshqueue.runs r
    where r.ended_at is null and r.pool is not null
      and not exists (select from meshqueue.slots s where s.run_id = r.id)
  union all
  select 'slots_fit', p.name from pools p where p.tokens <> greatest(p.capacity, p.taken)
  union all
  select 'no_idle_slot', p.name
    from pools p
    where p.taken < p.tokens and meshqueue.somebody_rescues(grace) and meshqueue.provider_admits(p.provider)
      and exists (select from meshqueue.waiting w where w.pool = p.name and w.since < now() - grace)
  union all
  select 'waits_rightly', w.job_id::text
    from meshqueue.waiting w left join public.ai_jobs j on j.id = w.job_id
    where j.id is null or w.stage <> j.stage or w.user_id <> j.user_id
      or w.pool is distinct from meshqueue.pool_of(j.provider, j.stage)
      or j.status::text <> case w.tier when 0 then 'IN_PROGRESS' else 'QUEUED' end
      or not exists (
        select from meshqueue.ring g where g.pool = w.pool and g.tier = w.tier and g.user_id = w.user_id)
$$;
revoke execute on function meshqueue.audit_slots(interval) from public, anon, authenticated;

create function meshqueue.audit_runs(grace interval)
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'submission_open', s.run_id || '/' || s.n
    from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
    where s.ended_at is null and r.ended_at is not null
  union all
  select 'run_held', r.id::text
    from meshqueue.runs r
    where r.worker_id is not null and meshqueue.somebody_rescues(grace) and not exists (
      select from meshqueue.workers w
      where w.id = r.worker_id and w.seen_at > now() - meshqueue.lease() - grace
        and coalesce(w.left_at > now() - grace, true))
  union all
  select 'run_woken', r.id::text
    from meshqueue.runs r
    where r.ended_at is null and r.worker_id is null and r.wake_at is null
      and not (r.state = 'held' and case r.held_for
        when 'paused' then meshqueue.provider_paused(r.provider)
        when 'storage_full' then meshqueue.deliveries_paused() else false end)
      and meshqueue.somebody_rescues(grace)
$$;
revoke execute on function meshqueue.audit_runs(interval) from public, anon, authenticated;

create function meshqueue.audit_queue(grace interval)
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with rows as (
    select q.*, case
        when q.task_name in ('run_stage', 'deliver') and q.args ->> 'job_id' ~ '^[0-9a-f-]{36}$'
        then (q.args ->> 'job_id')::uuid end as job_id
    from procrastinate.procrastinate_jobs q
    where q.status in ('todo', 'doing') and now() - grace > (
      select greatest(max(e.at), q.scheduled_at) from procrastinate.procrastinate_events e where e.job_id = q.id)
  )
  select 'wakeup_held', q.id::text
    from rows q
    where q.status = 'doing' and meshqueue.somebody_rescues(grace) and not exists (
      select from procrastinate.procrastinate_workers w
      where w.id = q.worker_id and w.last_heartbeat > now() - interval '1 minute' - grace)
  union all
  select 'wakeup_wanted', q.id::text
    from rows q
    where q.status = 'todo' and q.job_id is not null
      and not exists (
        select from meshqueue.runs r
        where r.job_id = q.job_id and r.stage::text = q.args ->> 'stage' and r.ended_at is null)
      and exists (
        select from meshqueue.workers w
        where meshqueue.worker_lives(w) and w.unbroken_since <= now() - grace
          and w.serves ? upper(split_part(q.queue_name, '_', 2)))
$$;
revoke execute on function meshqueue.audit_queue(interval) from public, anon, authenticated;

create function meshqueue.audit_files()
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'file_of_success', f.id::text
    from public.asset_files f join public.ai_jobs j on j.id = f.job_id where j.status <> 'SUCCEEDED'
  union all
  select 'success_has_files', j.id::text
    from public.ai_jobs j
    where j.status = 'SUCCEEDED' and j.asset_id is not null
      and j.request_payload -> 'store_assets' is distinct from 'false'
      and not exists (
        select from public.asset_files f
        where f.job_id = j.id and f.role in ('model', 'original', 'plain', 'concept') and f.bucket <> 'templates')
  union all
  select 'file_of_owner', f.id::text
    from public.asset_files f
    left join public.assets a on a.id = f.asset_id left join public.ai_jobs j on j.id = f.job_id
    where split_part(f.path, '/', 1) is distinct from coalesce(a.user_id, j.user_id)::text
  union all
  select 'private_stays', f.id::text
    from public.asset_files f join public.assets a on a.id = f.asset_id
    where f.bucket = 'templates' and not a.is_public
  union all
  select 'intent_alive', i.bucket || '/' || i.path
    from meshqueue.intents i left join meshqueue.runs r on r.id = i.run_id
    where r.id is null or r.ended_at is not null
$$;
revoke execute on function meshqueue.audit_files() from public, anon, authenticated;

-- Where the platform keeps its list of objects in this database: a folder has none. Of the objects, those with names that
-- only deliveries give.
create function meshqueue.audit_objects()
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with listed as (
    select to_regclass('storage.migrations') is not null
      or exists (select from storage.objects o where o.bucket_id <> 'inputs') as by_platform
  )
  select 'object_there', f.id::text
    from public.asset_files f, listed
    where by_platform
      and not exists (select from storage.objects o where o.bucket_id = f.bucket and o.name = f.path)
  union all
  select 'object_known', o.bucket_id || '/' || o.name
    from storage.objects o
    where o.bucket_id in (select distinct f.bucket from public.asset_files f)
      and o.name ~ '^[0-9a-f-]{36}/models/[^/]+/[a-z_]+-[0-9a-f]{16}[.][a-z0-9]+$'
      and not meshqueue.object_needed(o.bucket_id, o.name)
      and not exists (select from meshqueue.removals m where m.bucket = o.bucket_id and m.path = o.name)
$$;
revoke execute on function meshqueue.audit_objects() from public, anon, authenticated;

create function meshqueue.audit_faults(grace interval)
returns table (promise text, broken_by text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.audit_accounts()
  union all select * from meshqueue.audit_payments()
  union all select * from meshqueue.audit_jobs()
  union all select * from meshqueue.audit_slots(grace)
  union all select * from meshqueue.audit_runs(grace)
  union all select * from meshqueue.audit_queue(grace)
  union all select * from meshqueue.audit_files()
  union all select * from meshqueue.audit_objects()
$$;
revoke execute on function meshqueue.audit_faults(interval) from public, anon, authenticated;

-- Among how many things each promise was looked for.
create function meshqueue.audit_counts()
returns table (subject text, things bigint)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select 'accounts', count(*) from public.credit_accounts
  union all select 'jobs', count(*) from public.ai_jobs
  union all select 'jobs in the ledger', count(distinct l.job_id) from public.credit_ledger l
  union all select 'open jobs', count(*) from public.ai_jobs j where j.status in ('QUEUED', 'IN_PROGRESS')
  union all select 'slots', count(*) from meshqueue.slots
  union all select 'waiting jobs', count(*) from meshqueue.waiting
  union all select 'pools', count(*) from meshqueue.pools
  union all select 'open runs', count(*) from meshqueue.runs r where r.ended_at is null
  union all select 'open submissions', count(*) from meshqueue.submissions s where s.ended_at is null
  union all select 'queue rows', count(*) from procrastinate.procrastinate_jobs q where q.status in ('todo', 'doing')
  union all select 'files', count(*) from public.asset_files
  union all select 'intents', count(*) from meshqueue.intents
  union all select 'objects', count(*) from storage.objects o where o.bucket_id <> 'inputs'
$$;
revoke execute on function meshqueue.audit_counts() from public, anon, authenticated;

create function meshqueue.audit_promises()
returns table (place integer, name text, promise text, subject text, remedy text)
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  values
    (1, 'balance', 'an account''s balance and reservation are the sums of its ledger', 'accounts',
      'The ledger is the truth. Set balance to the sum of amount and reserved to the sum of hold, by hand, and find '
      'out who wrote to credit_accounts.'),
    (2, 'reserved', 'what is reserved is what open reservations hold', 'accounts',
      'See `settled_once` first; else as for `balance`.'),
    (3, 'covered', 'nobody has spent more than there was', 'accounts',
      'Compare with `meshqueue credits show ID`; `meshqueue credits grant` puts it right with a line in the ledger.'),
    (4, 'reserved_once', 'every job has reserved what it costs, once', 'jobs',
      'Keep the ids: nothing in this release does that. See what else wrote to credit_ledger.'),
    (5, 'settled_once', 'every ended job is settled or released exactly once, an open one not yet', 'jobs in the ledger',
      'Was the trigger ai_jobs_over disabled? `select meshqueue.close_job(j) from ai_jobs j where id = …` ends what was '
      'left open.'),
    (6, 'charged_rightly', 'no job charged more than it reserved, a failed one nothing', 'jobs in the ledger',
      'Give the difference back: `meshqueue credits grant ID AMOUNT --reason …`.'),
    (7, 'open_moves', 'every open job waits or has one stage under way, and a deadline', 'open jobs',
      '`meshqueue jobs show ID` says where it stands; `meshqueue jobs cancel ID` releases its credits.'),
    (8, 'ended_rests', 'a job that is over, or gone, has nothing waiting or under way', 'open runs',
      'Was the trigger ai_jobs_over disabled? `select meshqueue.close_job(j) from ai_jobs j where id = …`.'),
    (9, 'ended_dated', 'a job says when it ended if and only if it has', 'jobs',
      'Were triggers of ai_jobs disabled? Set finished_at by hand.'),
    (10, 'slot_used', 'every taken slot belongs to a run of its pool that is not over', 'slots',
      '`update meshqueue.slots set run_id = null, taken_at = null where id = …`, then `select meshqueue.admit()`.'),
    (11, 'run_has_slot', 'every run that may have a task at the provider holds a slot', 'open runs',
      '`select meshqueue.take_slot(r) from meshqueue.runs r where id = …`.'),
    (12, 'slots_fit', 'there are as many slots as the limit says, or as are taken', 'pools', '`select meshqueue.admit()`.'),
    (13, 'no_idle_slot', 'no slot stands free beside a waiting job', 'pools',
      '`select meshqueue.admit()`; every worker does it each 30 s: look at their logs.'),
    (14, 'waits_rightly', 'what waits is what its job needs next, and has its turn', 'waiting jobs',
      '`meshqueue jobs cancel ID`, then `meshqueue jobs retry ID`.'),
    (15, 'submission_open', 'every unfinished submission belongs to a run that is not over', 'open submissions',
      'A paid task may run unseen (the id is run/n). Look for its task_id at the provider, then set its outcome and '
      'ended_at.'),
    (16, 'run_held', 'who holds a run lives, or is about to be relieved', 'open runs',
      'Workers rescue each 10 s: look at their logs for `rescued` and for errors.'),
    (17, 'run_woken', 'a run that nobody holds will be woken, or waits for a pause to end', 'open runs',
      'Workers do it each 10 s: look at their logs.'),
    (18, 'wakeup_held', 'every wake-up that is being worked on has a living worker', 'queue rows',
      'Workers drop them each 10 s: look at their logs.'),
    (19, 'wakeup_wanted', 'every wake-up belongs to a run that is not over', 'queue rows',
      'They do no harm. Are there workers that don''t take from their queue? See `meshqueue top`.'),
    (20, 'file_of_success', 'files belong to jobs that succeeded', 'files',
      'Delete the rows: their objects follow by themselves.'),
    (21, 'success_has_files', 'a job that succeeded has its model', 'jobs',
      'Were rows of asset_files deleted? Within three days the provider still has it: ask it for the task''s files.'),
    (22, 'file_of_owner', 'every file lies below its owner''s id', 'files',
      'Somebody may read what is not theirs: find out who wrote to asset_files.'),
    (23, 'private_stays', 'what is private has no public copy', 'files',
      'Delete the rows in bucket templates: their objects follow by themselves.'),
    (24, 'intent_alive', 'objects are only announced by runs that are not over', 'intents',
      'Delete the rows of meshqueue.intents: what lies there is removed after 15 minutes.'),
    (25, 'object_there', 'every file''s object lies in the storage', 'files',
      'Were objects deleted in the dashboard? Within three days the provider still has the models.'),
    (26, 'object_known', 'every object of a delivery is a file, announced, or about to be removed', 'objects',
      '`select meshqueue.list_removal(bucket, path, now())` has the worker remove it.')
$$;
revoke execute on function meshqueue.audit_promises() from public, anon, authenticated;

-- One row a promise; `first`: up to ten ids of what breaks it. Reads all of it: for operators, not for dashboards.
create function meshqueue.audit(grace interval default '2 minutes')
returns table (name text, promise text, subject text, looked_at bigint, broken bigint, first text[], remedy text)
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  with faults as (
    select f.promise, count(*) as broken, (array_agg(f.broken_by order by f.broken_by))[1:10] as first
    from meshqueue.audit_faults(audit.grace) f group by f.promise
  )
  select p.name, p.promise, p.subject, c.things, coalesce(f.broken, 0), coalesce(f.first, '{}'), p.remedy
  from meshqueue.audit_promises() p
  join meshqueue.audit_counts() c on c.subject = p.subject
  left join faults f on f.promise = p.name
  order by p.place
$$;
revoke execute on function meshqueue.audit(interval) from public, anon, authenticated;
