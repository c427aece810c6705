-- What must hold once all transactions have ended. Each row is a promise that is broken.

with accounts as (
  select a.user_id, a.balance, a.reserved,
    (select coalesce(sum(l.amount), 0) from public.credit_ledger l where l.user_id = a.user_id) as amounts,
    (select coalesce(sum(l.hold), 0) from public.credit_ledger l where l.user_id = a.user_id) as holds,
    (select coalesce(sum(j.credits_cost), 0) from public.ai_jobs j
      where j.user_id = a.user_id and j.finished_at is null) as open_costs
  from public.credit_accounts a
),
paid as (
  select l.job_id, j.id is not null and j.finished_at is null as still_open,
    count(*) filter (where l.kind = 'reserve') as reserves,
    count(*) filter (where l.kind in ('settle', 'release')) as endings,
    sum(l.hold) as held
  from public.credit_ledger l left join public.ai_jobs j on j.id = l.job_id
  where l.job_id is not null
  group by l.job_id, j.id
),
pools as (
  select p.name, p.provider, meshqueue.setting(p.setting)::integer as capacity,
    (select count(*) from meshqueue.slots s where s.pool = p.name) as tokens,
    (select count(s.run_id) from meshqueue.slots s where s.pool = p.name) as taken
  from meshqueue.pools p
),
jobs as (
  select j.*,
    (select count(*) from meshqueue.waiting w where w.job_id = j.id) as waits,
    (select count(*) from meshqueue.runs r
      where r.job_id = j.id and r.state in ('ready', 'held', 'running')) as active,
    (select count(*) from meshqueue.runs r
      where r.job_id = j.id and r.state in ('ready', 'held', 'running') and r.stage = j.stage) as current
  from public.ai_jobs j
),
events as (
  select e.job_id, e.id, e.status, e.provider_task_id, e.created_at,
    lag(e.status) over by_job as earlier, lag(e.created_at) over by_job as earlier_at,
    row_number() over by_job as place
  from public.ai_job_events e
  window by_job as (partition by e.job_id order by e.id)
)
select 'an account equals its ledger' as promise, to_jsonb(a) as broken_by
from accounts a where a.balance <> a.amounts or a.reserved <> a.holds
union all
select 'nothing is reserved but for open jobs', to_jsonb(a) from accounts a where a.reserved <> a.open_costs
union all
select 'nobody owes', to_jsonb(a) from accounts a where a.balance < a.reserved or a.reserved < 0
union all
select 'a reserve ends exactly once, with its job', to_jsonb(p)
from paid p
where p.reserves <> 1 or p.endings <> case when p.still_open then 0 else 1 end
  or (p.held = 0) <> not p.still_open
union all
select 'every job that costs has reserved its cost', to_jsonb(j)
from jobs j
where j.credits_cost > 0 and not exists (
  select from public.credit_ledger l where l.job_id = j.id and l.kind = 'reserve' and l.hold = j.credits_cost)
union all
select 'there are as many tokens as the limit says, or as are taken', to_jsonb(p)
from pools p where p.tokens <> greatest(p.capacity, p.taken)
union all
select 'no free slot stands beside a waiting job', to_jsonb(p)
from pools p
where p.taken < p.tokens and exists (select from meshqueue.waiting w where w.pool = p.name)
  and meshqueue.provider_admits(p.provider)
union all
select 'a slot belongs to a run of its pool that is not over', to_jsonb(s)
from meshqueue.slots s
where s.run_id is not null and not exists (
  select from meshqueue.runs r where r.id = s.run_id and r.ended_at is null and r.pool = s.pool)
union all
select 'a run that may have a task at the provider holds a slot', to_jsonb(r)
from meshqueue.runs r
where r.ended_at is null and r.pool is not null
  and not exists (select from meshqueue.slots s where s.run_id = r.id)
union all
select 'a paid request is open only while its run is', to_jsonb(s)
from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
where s.ended_at is null and r.ended_at is not null
union all
select 'a run that nobody holds is woken in time, or waits for its provider', to_jsonb(r)
from meshqueue.runs r
where r.ended_at is null and r.worker_id is null and r.wake_at is null
  and not (r.state = 'held' and r.held_for = 'paused' and meshqueue.provider_paused(r.provider))
  and not (r.state = 'held' and r.held_for = 'storage_full' and meshqueue.deliveries_paused())
union all
select 'who waits has a place in the ring', to_jsonb(w)
from meshqueue.waiting w
where not exists (
  select from meshqueue.ring g where g.pool = w.pool and g.tier = w.tier and g.user_id = w.user_id)
union all
select 'what waits is what its job needs next', to_jsonb(w)
from meshqueue.waiting w left join public.ai_jobs j on j.id = w.job_id
where j.id is null or w.stage <> j.stage or w.user_id <> j.user_id
  or w.pool is distinct from meshqueue.pool_of(j.provider, j.stage)
  or j.status::text <> case w.tier when 0 then 'IN_PROGRESS' else 'QUEUED' end
union all
select 'an open job either waits or has exactly one stage under way', to_jsonb(j)
from jobs j
where j.finished_at is null and not (j.waits + j.active = 1 and j.waits + j.current = 1)
union all
select 'a job that is over has nothing under way', to_jsonb(j)
from jobs j where j.finished_at is not null and j.waits + j.active > 0
union all
select 'an open job has a deadline', to_jsonb(j) from jobs j where j.finished_at is null and j.deadline_at is null
union all
select 'a job without a row has nothing under way', to_jsonb(r)
from meshqueue.runs r
where r.state in ('ready', 'held', 'running') and not exists (select from public.ai_jobs j where j.id = r.job_id)
union all
select 'a run that is over intends nothing', to_jsonb(i)
from meshqueue.intents i left join meshqueue.runs r on r.id = i.run_id
where r.id is null or r.ended_at is not null
union all
select 'a public asset shows copies of all its files', to_jsonb(a)
from public.assets a join meshqueue.publications p on p.asset_id = a.id
where p.done_version = p.version and (a.is_public <> p.wanted or p.wanted and exists (
  select from meshqueue.files_to_show(a.id) f
  where not exists (
    select from public.asset_files t where t.asset_id = a.id and t.bucket = 'templates' and t.path = f.path)))
union all
select 'what is private has no copies', to_jsonb(f)
from public.asset_files f join public.assets a on a.id = f.asset_id
where f.bucket = 'templates' and not a.is_public
union all
select 'a history goes only the ways that a job can go', to_jsonb(e)
from events e
where (e.place = 1 and e.status <> 'QUEUED') or e.earlier_at > e.created_at
  or (e.earlier <> e.status and not exists (
    select from meshqueue.transitions t where t.from_status = e.earlier and t.to_status = e.status))
  -- A paid task may turn up after the end; nothing else may happen then.
  or (e.earlier = e.status and e.status not in ('QUEUED', 'IN_PROGRESS') and e.provider_task_id is null)
union all
select 'a history ends with the status of its job', to_jsonb(j)
from jobs j
where j.status <> (select e.status from public.ai_job_events e where e.job_id = j.id order by e.id desc limit 1)
