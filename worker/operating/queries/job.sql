-- Everything about one job, as one snapshot.
select jsonb_build_object(
  'now', now(),
  'job', to_jsonb(j),
  'email', u.email,
  'runs', (
    select coalesce(jsonb_agg(jsonb_build_object('id', r.id, 'stage', r.stage, 'state', r.state, 'attempt', r.attempt,
      'pool', r.pool, 'credits', r.credits, 'progress', r.progress, 'retries', r.retries, 'held_for', r.held_for,
      'wake_at', r.wake_at, 'inherited', r.begun_at < r.created_at, 'created_at', r.created_at,
      'begun_at', r.begun_at, 'ended_at', r.ended_at, 'error', r.error,
      'has_slot', exists (select from meshqueue.slots s where s.run_id = r.id),
      'worker', (
        select jsonb_build_object('id', w.id, 'host', w.info ->> 'host', 'pid', w.info -> 'pid',
          'seen_at', w.seen_at, 'lives', meshqueue.worker_lives(w))
        from meshqueue.workers w where w.id = r.worker_id),
      'held_by', r.worker_id) order by r.id), '[]')
    from meshqueue.runs r where r.job_id = j.id),
  'submissions', (
    select coalesce(jsonb_agg(jsonb_build_object('stage', r.stage, 'n', s.n, 'attempt', s.attempt,
      'outcome', s.outcome, 'task_id', s.task_id, 'provider_credits', s.provider_credits, 'intent_at', s.intent_at,
      'accepted_at', s.accepted_at, 'gave_up_at', s.gave_up_at, 'ended_at', s.ended_at, 'error', s.error)
      order by s.run_id, s.n), '[]')
    from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id where r.job_id = j.id),
  'waiting', (
    select jsonb_build_object('stage', w.stage, 'pool', w.pool, 'since', w.since, 'tier', w.tier,
      'position', meshqueue.queue_position(j.id))
    from meshqueue.waiting w where w.job_id = j.id),
  'pool', (
    select jsonb_build_object('name', p.name, 'setting', p.setting, 'limit', meshqueue.capacity(p.name),
      'taken', (select count(s.run_id) from meshqueue.slots s where s.pool = p.name))
    from meshqueue.pools p where p.name = meshqueue.pool_of(j.provider, j.stage)),
  'provider', jsonb_build_object(
    'paused_since', meshqueue.paused_since(j.provider),
    'admits', meshqueue.provider_admits(j.provider),
    'pauses', (
      select coalesce(jsonb_agg(jsonb_build_object('fingerprint', p.fingerprint, 'reason', p.reason, 'since', p.since,
        'note', p.detail ->> 'note') order by p.since), '[]')
      from meshqueue.pauses p where p.provider = j.provider),
    'workers', (
      select count(*) from meshqueue.workers w where meshqueue.worker_lives(w) and w.serves ? j.provider::text)),
  'deliveries_paused', (
    select jsonb_build_object('reason', d.reason, 'since', d.since) from meshqueue.delivery_pause d),
  'retried_by', (
    select n.id from public.ai_jobs n where n.user_id = j.user_id and n.retry_of = j.id
    order by n.created_at desc limit 1),
  'events', (
    select coalesce(jsonb_agg(jsonb_build_object('at', e.created_at, 'stage', e.stage, 'status', e.status,
      'provider_task_id', e.provider_task_id, 'payload', e.payload) order by e.id), '[]')
    from public.ai_job_events e where e.job_id = j.id),
  'files', (
    select coalesce(jsonb_agg(jsonb_build_object('role', f.role, 'format', f.format, 'bytes', f.bytes,
      'triangles', f.triangles, 'width', f.width, 'height', f.height, 'bucket', f.bucket, 'path', f.path)
      order by f.role, f.position, f.format), '[]')
    from public.asset_files f where f.job_id = j.id),
  'ledger', (
    select coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'at', l.created_at, 'kind', l.kind, 'amount', l.amount,
      'hold', l.hold, 'reason', l.reason) order by l.id), '[]')
    from public.credit_ledger l where l.job_id = j.id),
  'incidents', (
    select coalesce(jsonb_agg(jsonb_build_object('at', i.created_at, 'kind', i.kind, 'detail', i.detail)
      order by i.id), '[]')
    from meshqueue.incidents i where i.job_id = j.id))
from public.ai_jobs j left join auth.users u on u.id = j.user_id
where j.id = %(id)s
