-- What is finished does not fill a small database.

-- Not the only model that somebody has: where optimising failed there may be no other.
create function meshqueue.purge_originals(at_most integer)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  gone integer;
begin
  delete from public.asset_files f where f.id in (
    select o.id from public.asset_files o
    where o.role = 'original'
      and o.created_at < now() - make_interval(days => meshqueue.setting('keep_original_days')::integer)
      and exists (
        select from public.asset_files m
        where m.role = 'model' and m.bucket <> 'templates' and (m.asset_id = o.asset_id or m.job_id = o.job_id))
    order by o.created_at limit at_most for update skip locked);
  get diagnostics gone = row_count;
  return gone;
end
$$;
revoke execute on function meshqueue.purge_originals(integer) from public, anon, authenticated;

create function meshqueue.purge(at_most integer default 1000)
returns jsonb
language sql
set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    delete from meshqueue.runs r where r.id in (
      select o.id from meshqueue.runs o
      where o.ended_at < now() - interval '7 days'
        and not exists (select from public.ai_jobs j where j.id = o.job_id)
      limit at_most for update skip locked)
    returning 1
  ), wakeups as (
    delete from procrastinate.procrastinate_jobs q where q.id in (
      select o.id from procrastinate.procrastinate_jobs o
      where o.status in ('succeeded', 'failed', 'cancelled', 'aborted') limit at_most for update skip locked)
    returning 1
  ), workers as (
    delete from meshqueue.workers w where w.seen_at < now() - interval '8 days' returning 1
  ), hints as (
    delete from meshqueue.hints h where h.seen_at < now() - interval '10 minutes' returning 1
  )
  select jsonb_build_object('runs', (select count(*) from runs), 'wakeups', (select count(*) from wakeups),
    'workers', (select count(*) from workers), 'hints', (select count(*) from hints),
    'rates', meshqueue.purge_rates(interval '1 hour'), 'originals', meshqueue.purge_originals(at_most))
$$;
revoke execute on function meshqueue.purge(integer) from public, anon, authenticated;
