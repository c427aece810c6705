-- A sliding minute per user and action, exact: the row's lock makes concurrent calls queue.

create function meshqueue.count_rate(rated uuid, what text, limit_setting text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  kept timestamptz[];
  allowed integer;
begin
  insert into meshqueue.rates as r (user_id, action, hits) values (rated, what, array[clock_timestamp()])
  on conflict (user_id, action) do update
    set hits = array(
      select h from unnest(r.hits) h where h > clock_timestamp() - interval '1 minute'
    ) || clock_timestamp()
  returning hits, (select f.settings ->> limit_setting from meshqueue.in_force f) into kept, allowed;
  if cardinality(kept) > allowed then
    raise sqlstate 'PT429' using
      message = format('at most %s calls a minute', allowed),
      detail = jsonb_build_object('limit', allowed, 'retry_after',
        coalesce(ceil(extract(epoch from kept[cardinality(kept) - allowed] + interval '1 minute'
          - clock_timestamp()))::integer, 60))::text,
      hint = 'Wait for retry_after seconds. This call was not counted.';
  end if;
end
$$;
revoke execute on function meshqueue.count_rate(uuid, text, text) from public, anon, authenticated;

create function meshqueue.purge_rates(older_than interval)
returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    delete from meshqueue.rates r
    where r.hits[cardinality(r.hits)] < now() - greatest(older_than, interval '1 minute')
    returning 1
  )
  select count(*) from gone
$$;
revoke execute on function meshqueue.purge_rates(interval) from public, anon, authenticated;
