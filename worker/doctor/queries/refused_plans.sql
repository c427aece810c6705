-- The newest such refusal of each provider, unless it took a paid request since.
with met as (
  select p.provider, p.since as at from meshqueue.pauses p where p.detail ->> 'code' like %s
)
select m.provider::text, max(m.at) at time zone 'UTC' as at
from met m
where not exists (
  select from meshqueue.submissions s where s.provider = m.provider and s.accepted_at > m.at
)
group by m.provider
order by m.provider
