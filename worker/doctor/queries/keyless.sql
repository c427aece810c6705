select r.provider::text, count(distinct r.job_id) as jobs
from meshqueue.live_runs() r, meshqueue.key_of(r) k (key)
where k.key is not null and not meshqueue.key_sees(r.provider, k.key)
group by r.provider
order by r.provider
