-- Every key that has a rule, and every one that somebody wrote.
with known as (
  select r.key from meshqueue.setting_rules r
  union
  select r.key || '_' || lower(p::text)
  from meshqueue.setting_rules r, unnest(enum_range(null::public.provider_type)) p
  where r.per_provider
)
select key, k.key is not null as rule, a.key is not null as given
from known k full join public.app_settings a using (key)
order by key
