select a.key, a.value
from public.app_settings a
where a.value = '0' and (a.key like 'max\_in\_flight\_%' or a.key in ('rate_job_create_per_minute', 'rate_poll_per_minute')
  or a.key like 'max\_provider\_credits\_per\_day%')
order by a.key
