-- The jobs that a reference may mean, the surest kind of match first.
select distinct on (m.id) m.id, m.sureness
from (
  select j.id, 1 as sureness from public.ai_jobs j where j.id = %(id)s::uuid
  union all
  select r.job_id, 2 from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
    where s.provider = any (enum_range(null::public.provider_type)) and s.task_id = %(text)s
  union all
  select j.id, 2 from public.ai_jobs j where j.client_task_id = %(text)s
  union all
  select j.id, 3 from public.ai_jobs j where j.id between %(low)s::uuid and %(high)s::uuid
) m
join public.ai_jobs k on k.id = m.id
order by m.id, m.sureness
limit 1000
