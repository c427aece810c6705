select initcap(p.provider::text) as what, p.since at time zone 'UTC' as since, p.reason
from meshqueue.pauses p
union all
select 'deliveries', d.since at time zone 'UTC', d.reason
from meshqueue.delivery_pause d
order by 2
