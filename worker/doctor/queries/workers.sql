select count(*) filter (where meshqueue.worker_lives(w)) as alive,
  extract(epoch from now() - max(w.seen_at))::integer as seconds,
  (select count(*) from public.ai_jobs j where j.status in ('QUEUED', 'IN_PROGRESS')) as open_jobs
from meshqueue.workers w
