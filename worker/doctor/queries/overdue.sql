-- As meshqueue.overdue_jobs, which would lock them.
select count(*) as jobs, (extract(epoch from now() - min(j.deadline_at)) / 60)::integer as minutes,
  (array_agg(j.id order by j.deadline_at))[1] as first
from public.ai_jobs j
where j.status in ('QUEUED', 'IN_PROGRESS') and j.deadline_at < now() - %s
  and not (j.status = 'IN_PROGRESS' and j.stage <> 'DELIVER' and j.deadline_at > now() - interval '1 day'
    and meshqueue.provider_paused(j.provider))
  and j.deadline_at + least(meshqueue.time_in_line(j), interval '1 day') < now()
  and not (j.stage = 'DELIVER' and meshqueue.deliveries_paused())
