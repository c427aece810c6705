-- Ready, and nobody begins them; or begun by a worker that died, and nobody takes them over.
select r.provider::text, s.state, count(*) as runs, (extract(epoch from now() - min(s.since)) / 60)::integer as minutes,
  (array_agg(r.job_id order by s.since))[1] as job
from meshqueue.runs r
left join meshqueue.workers w on w.id = r.worker_id
cross join lateral (
  select case when r.worker_id is null then r.state::text else 'abandoned' end as state,
    case when r.worker_id is null then r.wake_at else coalesce(w.seen_at, r.begun_at) end as since
) s
where (r.worker_id is null and r.state in ('ready', 'draining') or r.worker_id is not null
    and (w.id is null or not meshqueue.worker_lives(w)))
  and s.since < now() - %s
group by r.provider, s.state
order by 4 desc
