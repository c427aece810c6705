select j.provider::text, count(*) as jobs
from public.ai_jobs j
where j.status in ('QUEUED', 'IN_PROGRESS') and not exists (
  select from meshqueue.workers w where meshqueue.worker_lives(w) and w.serves ? j.provider::text
)
group by j.provider
order by j.provider
