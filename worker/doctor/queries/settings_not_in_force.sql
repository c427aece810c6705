select a.key
from public.app_settings a, meshqueue.in_force f
where exists (select from meshqueue.rule_of(a.key)) and f.settings ->> a.key is distinct from a.value
order by a.key
