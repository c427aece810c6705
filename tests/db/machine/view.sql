-- What the rules choose from, and what is compared from step to step.

select jsonb_build_object(
  'runs', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', r.id, 'job_id', r.job_id, 'user_id', r.user_id, 'provider', r.provider, 'stage', r.stage,
      'pool', r.pool, 'state', r.state, 'attempt', r.attempt, 'worker_id', r.worker_id,
      'held_for', r.held_for, 'early', r.wake_at > now(), 'retries', r.retries, 'progress', r.progress,
      'slotted', exists (select from meshqueue.slots s where s.run_id = r.id),
      'key', case when meshqueue.key_sees(r.provider, bought.key) then bought.key end,
      'n', open.n, 'outcome', open.outcome, 'task_id', open.task_id) order by r.id), '[]')
    from meshqueue.runs r
    cross join meshqueue.key_of(r) bought (key)
    left join lateral (
      select s.n, s.outcome, s.task_id from meshqueue.submissions s
      where s.run_id = r.id and s.ended_at is null order by s.n limit 1
    ) open on true
    where r.ended_at is null),
  'jobs', (
    select coalesce(jsonb_agg(jsonb_build_object(
      'id', j.id, 'user_id', j.user_id, 'provider', j.provider, 'status', j.status, 'progress', j.progress,
      'asset_id', j.asset_id,
      'row', (to_jsonb(j) - '{asset_id,retry_of}'::text[])::text) order by (
        select min(e.id) from public.ai_job_events e where e.job_id = j.id)), '[]')
    from public.ai_jobs j),
  'slots', (
    select coalesce(jsonb_object_agg(s.run_id, s.pool), '{}')
    from meshqueue.slots s where s.run_id is not null),
  'limits', (
    select jsonb_object_agg(p.name, meshqueue.setting(p.setting)::integer) from meshqueue.pools p),
  'paused', (
    select coalesce(jsonb_agg(p), '[]')
    from unnest(enum_range(null::public.provider_type)) p where meshqueue.provider_paused(p)),
  'pauses', (
    select coalesce(jsonb_agg(jsonb_build_array(p.provider, p.fingerprint) order by p), '[]') from meshqueue.pauses p),
  'living', (
    select coalesce(jsonb_agg(w.id), '[]') from meshqueue.workers w where meshqueue.worker_lives(w)),
  'left', (select coalesce(jsonb_agg(w.id), '[]') from meshqueue.workers w where w.left_at is not null),
  'rescuers', (
    select coalesce(jsonb_agg(w.id), '[]') from meshqueue.workers w where meshqueue.may_rescue(w.id)),
  'deliveries_paused', meshqueue.deliveries_paused(),
  'stored', (select coalesce(jsonb_agg(f.bucket || ' ' || f.path), '[]') from public.asset_files f),
  'intended', (
    select coalesce(jsonb_agg(o.bucket || ' ' || o.path), '[]')
    from (
      select i.bucket, i.path from meshqueue.intents i union all select c.bucket, c.path from meshqueue.copies c
    ) o),
  'to_remove', (select coalesce(jsonb_agg(m.bucket || ' ' || m.path), '[]') from meshqueue.removals m),
  'waiting', (select count(*) from meshqueue.waiting)
)
