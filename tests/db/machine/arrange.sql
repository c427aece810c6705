-- Small pools, and nobody refused for asking often.
insert into public.app_settings (key, value)
select r.key, coalesce(changed.value, r.default_value)
from meshqueue.setting_rules r
left join (values
  ('rate_job_create_per_minute', '10000'),
  ('max_in_flight_meshy', '2'),
  ('max_in_flight_tripo_model', '1'),
  ('max_in_flight_tripo_processing', '1'),
  ('max_in_flight_tripo_animation', '1')
) as changed (key, value) on changed.key = r.key
where r.default_value is not null
on conflict (key) do update set value = excluded.value
