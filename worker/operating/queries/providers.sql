-- A day is one of UTC. Provider credits count on the day of the request, as the daily budget does; the users' credits on
-- the day on which their job ended.
with shown as (
  select p as name
  from unnest(enum_range(null::public.provider_type)) p
  where exists (select from meshqueue.pools o where o.provider = p)
    or exists (select from meshqueue.pauses a where a.provider = p)
), days as (
  select d::date as day from generate_series(
    date_trunc('day', now()) - make_interval(days => %(days)s - 1), date_trunc('day', now()), interval '1 day') d
), spent as (
  select s.provider, s.intent_at::date as day, sum(s.provider_credits) as amount, count(*) as requests
  from meshqueue.submissions s
  where s.intent_at >= (select min(day) from days)
  group by 1, 2
), charged as (
  select j.provider, l.created_at::date as day, -sum(l.amount) as amount, count(*) as jobs
  from public.credit_ledger l join public.ai_jobs j on j.id = l.job_id
  where l.kind = 'settle' and l.created_at >= (select min(day) from days)
  group by 1, 2
)
select s.name,
  meshqueue.provider_configured(s.name) as configured,
  meshqueue.paused_since(s.name) as paused_since,
  meshqueue.spent_today(s.name) as spent_today,
  meshqueue.setting('max_provider_credits_per_day_' || lower(s.name::text))::integer as budget,
  (
    select coalesce(jsonb_agg(jsonb_build_object('pool', p.name, 'limit', meshqueue.capacity(p.name),
      'taken', (select count(l.run_id) from meshqueue.slots l where l.pool = p.name),
      'waiting', (select count(*) from meshqueue.waiting w where w.pool = p.name),
      'oldest_since', (select min(w.since) from meshqueue.waiting w where w.pool = p.name)) order by p.name), '[]')
    from meshqueue.pools p where p.provider = s.name
  ) as pools,
  (
    select coalesce(jsonb_agg(jsonb_build_object('fingerprint', p.fingerprint, 'reason', p.reason, 'since', p.since,
      'note', p.detail ->> 'note') order by p.since), '[]')
    from meshqueue.pauses p where p.provider = s.name
  ) as pauses,
  (
    select coalesce(jsonb_agg(jsonb_build_object('id', w.id, 'host', w.info ->> 'host', 'pid', w.info -> 'pid',
      'version', w.info ->> 'version', 'fingerprint', w.serves ->> s.name::text, 'seen_at', w.seen_at,
      'lives', meshqueue.worker_lives(w), 'left_at', w.left_at) order by w.seen_at desc), '[]')
    from meshqueue.workers w
    where w.serves ? s.name::text and (meshqueue.worker_lives(w) or w.seen_at > now() - interval '1 hour')
  ) as workers,
  (
    select coalesce(jsonb_agg(jsonb_build_object('day', d.day, 'requests', coalesce(t.requests, 0),
      'provider_credits', coalesce(t.amount, 0), 'jobs_charged', coalesce(c.jobs, 0),
      'credits_charged', coalesce(c.amount, 0)) order by d.day desc), '[]')
    from days d
    left join spent t on t.day = d.day and t.provider = s.name
    left join charged c on c.day = d.day and c.provider = s.name
  ) as days
from shown s
order by s.name
