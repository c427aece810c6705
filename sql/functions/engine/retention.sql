-- What is finished does not fill a small database.

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
    'rates', meshqueue.purge_rates(interval '1 hour'))
$$;
revoke execute on function meshqueue.purge(integer) from public, anon, authenticated;
