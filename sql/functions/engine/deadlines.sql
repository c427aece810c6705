-- No job is lost: each ends at the latest at its deadline, one for waiting, one for working, one for delivering.

create function meshqueue.overdue_jobs(at_most integer)
returns table (id uuid)
language sql
set search_path = ''
as $$
  select j.id
  from public.ai_jobs j join public.credit_accounts a on a.user_id = j.user_id
  where j.status in ('QUEUED', 'IN_PROGRESS') and j.deadline_at < now()
    and not (j.status = 'IN_PROGRESS' and j.stage <> 'DELIVER' and meshqueue.provider_paused(j.provider))
  order by j.deadline_at
  limit at_most
  for no key update of a, j skip locked
$$;
revoke execute on function meshqueue.overdue_jobs(integer) from public, anon, authenticated;

create function meshqueue.expiry_of(job public.ai_jobs, out code text, out message text)
language sql immutable
set search_path = ''
as $$
  select e.code, e.message from (values
    (job.status = 'QUEUED', 'queue_timeout', 'The job waited too long for its turn. Nothing was charged.'),
    (job.stage = 'DELIVER', 'delivery_timeout', 'The model could not be stored in time. Nothing was charged.'),
    (true, 'timeout', 'The provider did not finish in time. Nothing was charged.')
  ) as e (fits, code, message)
  where e.fits
  limit 1
$$;
revoke execute on function meshqueue.expiry_of(public.ai_jobs) from public, anon, authenticated;

-- Called by every worker, and by pg_cron where it exists, so that the promise holds with no worker alive. Skips what
-- somebody works on; waits for nobody, so the lock order can't be broken.
create function meshqueue.expire_jobs(at_most integer default 100)
returns integer
language plpgsql
set search_path = ''
set lock_timeout = '2s'
as $$
declare
  expired integer;
begin
  update public.ai_jobs j
    set status = 'FAILED', error_code = (meshqueue.expiry_of(j)).code, error_message = (meshqueue.expiry_of(j)).message
    from (select o.id from meshqueue.overdue_jobs(least(at_most, 100)) o) overdue
    where j.id = overdue.id;
  get diagnostics expired = row_count;
  return expired;
end
$$;
revoke execute on function meshqueue.expire_jobs(integer) from public, anon, authenticated;

-- Asked at each migrate and by each worker that arrives, so that it does not matter when pg_cron was enabled.
create function meshqueue.schedule_expiry()
returns boolean
language plpgsql
set search_path = ''
as $$
begin
  if not exists (select from pg_catalog.pg_extension where extname = 'pg_cron') then
    return false;
  end if;
  perform cron.schedule('meshqueue_expire_jobs', '* * * * *', 'select meshqueue.expire_jobs()');
  return true;
exception when insufficient_privilege or undefined_function then
  raise warning 'pg_cron is here, but deadlines could not be scheduled: %', sqlerrm;
  return false;
end
$$;
revoke execute on function meshqueue.schedule_expiry() from public, anon, authenticated;

do $$
begin
  perform meshqueue.schedule_expiry();
end
$$;
