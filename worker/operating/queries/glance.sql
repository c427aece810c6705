-- The whole at one moment. What was created and ended is counted from the newest 20,000 events, which are
-- those of about 2,500 jobs: jobs have no index by time, and this is asked every second.
with recent as (
  select e.job_id, e.status, e.created_at
  from public.ai_job_events e
  where e.id > (select coalesce(max(m.id), 0) - 20000 from public.ai_job_events m)
    and e.created_at > now() - interval '1 hour' and e.provider_task_id is null
), first_seen as (
  select 'created' as what, r.created_at from recent r
  where r.status = 'QUEUED'
  union all
  select lower(r.status::text), r.created_at from recent r where r.status in ('SUCCEEDED', 'FAILED', 'CANCELED')
), open_runs as (
  -- As two, each of which has an index; open ones together have none.
  select r.* from meshqueue.runs r where r.worker_id is not null
  union all
  select r.* from meshqueue.runs r where r.worker_id is null and r.state in ('ready', 'held', 'draining')
), stages as (
  select r.provider, r.stage, extract(epoch from r.begun_at - r.created_at) as waited,
    extract(epoch from r.ended_at - r.begun_at) as ran
  from meshqueue.runs r
  where r.ended_at > now() - interval '1 hour' and r.state = 'done' and r.begun_at >= r.created_at
)
select jsonb_build_object(
  'at', now(),
  'jobs', (
    select jsonb_build_object('queued', count(*) filter (where j.status = 'QUEUED'),
      'in_progress', count(*) filter (where j.status = 'IN_PROGRESS'))
    from public.ai_jobs j where j.status in ('QUEUED', 'IN_PROGRESS')),
  'workers', (
    select coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'host', w.info ->> 'host', 'pid', w.info -> 'pid',
      'version', w.info ->> 'version', 'memory_mib', w.info -> 'memory_mib', 'seen_at', w.seen_at,
      'lives', meshqueue.worker_lives(w), 'started_at', w.started_at,
      'serves', (select coalesce(jsonb_agg(k order by k), '[]') from jsonb_object_keys(w.serves) k),
      'runs', (select count(*) from meshqueue.runs r where r.worker_id = w.id)) order by w.started_at), '[]')
    from meshqueue.workers w
    where w.left_at is null and w.seen_at > now() - interval '10 minutes'),
  'queues', (
    select coalesce(jsonb_agg(to_jsonb(q) order by q.queue), '[]')
    from (
      select p.queue_name as queue, count(*) filter (where p.status = 'doing') as doing,
        count(*) filter (where p.status = 'todo' and coalesce(p.scheduled_at <= now(), true)) as due,
        count(*) filter (where p.status = 'todo' and p.scheduled_at > now()) as later,
        min(v.at) filter (where p.status = 'todo' and coalesce(p.scheduled_at <= now(), true)) as oldest_since
      from procrastinate.procrastinate_jobs p, lateral (
        select greatest(min(e.at), p.scheduled_at) as at
        from procrastinate.procrastinate_events e where e.job_id = p.id) v
      where p.status in ('todo', 'doing') group by p.queue_name) q),
  'pools', (
    select coalesce(jsonb_agg(jsonb_build_object('pool', p.name, 'limit', meshqueue.capacity(p.name),
      'taken', (select count(s.run_id) from meshqueue.slots s where s.pool = p.name),
      'waiting', (select count(*) from meshqueue.waiting w where w.pool = p.name),
      'oldest_since', (select min(w.since) from meshqueue.waiting w where w.pool = p.name)) order by p.name), '[]')
    from meshqueue.pools p),
  'in_flight', (
    select coalesce(jsonb_agg(to_jsonb(f) order by f.provider, f.stage, f.state), '[]')
    from (
      select r.provider, r.stage, r.state, count(*) as runs,
        min(coalesce(r.begun_at, r.created_at)) as oldest_since
      from open_runs r group by 1, 2, 3) f),
  'rates', (
    select coalesce(jsonb_agg(jsonb_build_object('what', o.what,
      'last_minute', (select count(*) from first_seen f
        where f.what = o.what and f.created_at > now() - interval '1 minute'),
      'per_minute_of_10', (select count(*) / 10.0 from first_seen f
        where f.what = o.what and f.created_at > now() - interval '10 minutes'),
      'last_hour', (select count(*) from first_seen f where f.what = o.what)) order by o.place), '[]')
    from unnest('{created,succeeded,failed,canceled}'::text[]) with ordinality o (what, place)),
  'latencies', (
    select coalesce(jsonb_agg(to_jsonb(l) order by l.provider, l.stage), '[]')
    from (
      select s.provider, s.stage, count(*) as stages,
        round((percentile_cont(0.5) within group (order by s.waited))::numeric, 2) as waited_p50,
        round((percentile_cont(0.95) within group (order by s.waited))::numeric, 2) as waited_p95,
        round((percentile_cont(0.5) within group (order by s.ran))::numeric, 2) as ran_p50,
        round((percentile_cont(0.95) within group (order by s.ran))::numeric, 2) as ran_p95
      from stages s group by 1, 2) l),
  'paused', meshqueue.paused_providers(),
  'deliveries_paused', (
    select jsonb_build_object('reason', d.reason, 'since', d.since) from meshqueue.delivery_pause d))
