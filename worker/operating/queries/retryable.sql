-- Jobs that failed or were canceled and that nobody has tried again, with what a new try costs. The stages that are
-- missing are found as the new job will find them: behind the last one that it can inherit, else all of them.
with wanted as (
  select j.*
  from public.ai_jobs j
  where (%(ids)s::uuid[] is null or j.id = any (%(ids)s))
    and (%(failed)s::text is null or j.status = 'FAILED' and j.error_code = %(failed)s)
    and (%(since)s::timestamptz is null or j.finished_at >= %(since)s)
    and (%(provider)s::public.provider_type is null or j.provider = %(provider)s::public.provider_type)
    and (%(users)s::uuid[] is null or j.user_id = any (%(users)s))
), planned as (
  select w.*,
    case when done.any then w.stages[coalesce(done.last + 1, 1):] else coalesce(done.earlier, '{}') || w.stages end
      as missing
  from wanted w, lateral (
    select coalesce(bool_or(meshqueue.inheritable(r)), false) as any,
      max(array_position(w.stages, r.stage)) filter (where meshqueue.inheritable(r)) as last,
      array_agg(r.stage order by r.ended_at) filter (where r.stage <> all (w.stages)) as earlier
    from meshqueue.runs r where r.job_id = w.id
  ) done
)
select p.id, p.status, p.error_code, p.user_id, u.email, p.provider, p.missing::text[] as missing,
  meshqueue.refunded(p.id) + (
    select coalesce(sum((f.prices ->> (p.provider || '_' || m))::integer), 0)
    from unnest(p.missing) m, meshqueue.in_force f)::integer as price,
  coalesce(a.balance - a.reserved, 0) as available,
  (select n.id from public.ai_jobs n where n.user_id = p.user_id and n.retry_of = p.id
    and n.status in ('QUEUED', 'IN_PROGRESS', 'SUCCEEDED') limit 1) as retried_by
from planned p
left join auth.users u on u.id = p.user_id
left join public.credit_accounts a on a.user_id = p.user_id
where p.status in ('FAILED', 'CANCELED') or %(ids)s::uuid[] is not null
order by p.created_at, p.id
limit 10000
