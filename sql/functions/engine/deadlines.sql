-- No job is lost: each ends at the latest at its deadline, one for waiting, one for working, one for delivering.

-- How long a job that is under way stood in line for its next stage's slot: it does not count against the job. Added to
-- its deadline when the stage is begun, because who admits may not lock the job.
create function meshqueue.time_in_line(job public.ai_jobs)
returns interval
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    (select now() - w.since from meshqueue.waiting w where w.job_id = job.id and w.tier = 0),
    (
      select r.created_at - max(d.ended_at)
      from meshqueue.runs r join meshqueue.runs d using (job_id)
      where r.job_id = job.id and r.stage = job.stage and r.pool is not null and r.begun_at is null
        and d.state = 'done' and d.ended_at >= job.started_at
      group by r.created_at
    ),
    interval '0')
$$;
revoke execute on function meshqueue.time_in_line(public.ai_jobs) from public, anon, authenticated;

create function meshqueue.overdue_jobs(at_most integer)
returns table (id uuid)
language sql
set search_path = pg_catalog, pg_temp
as $$
  select j.id
  from public.ai_jobs j join public.credit_accounts a on a.user_id = j.user_id
  where j.status in ('QUEUED', 'IN_PROGRESS') and j.deadline_at < now()
    -- Under a pause the clock stands still, but not for ever: a day later the job ends all the same.
    and not (j.status = 'IN_PROGRESS' and j.stage <> 'DELIVER' and j.deadline_at > now() - interval '1 day'
      and meshqueue.provider_paused(j.provider))
    -- Neither does it run in line for a slot, for a day at most.
    and j.deadline_at + least(meshqueue.time_in_line(j), interval '1 day') < now()
    -- What is paid for waits for room in the storage as long as it takes.
    and not (j.stage = 'DELIVER' and meshqueue.deliveries_paused())
  order by j.deadline_at
  limit at_most
  for no key update of a, j skip locked
$$;
revoke execute on function meshqueue.overdue_jobs(integer) from public, anon, authenticated;

create function meshqueue.expiry_of(job public.ai_jobs, out code text, out message text)
language sql immutable
set search_path = pg_catalog, pg_temp
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

-- The job goes on without the stage that took too long; its task is withdrawn or seen to its end, as after a cancel.
create function meshqueue.skip_to_delivery(job public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from meshqueue.waiting w where w.job_id = job.id;
  perform meshqueue.close_run(r, 'canceled') from meshqueue.runs r
    where r.job_id = job.id and r.state in ('ready', 'held', 'running');
  perform meshqueue.deliver_best(job);
end
$$;
revoke execute on function meshqueue.skip_to_delivery(public.ai_jobs) from public, anon, authenticated;

create function meshqueue.expire_job(overdue uuid)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  job public.ai_jobs;
begin
  select * into job from public.ai_jobs j where j.id = overdue;
  if meshqueue.can_deliver_best(job) then
    perform meshqueue.skip_to_delivery(job);
  else
    update public.ai_jobs j
      set status = 'FAILED', error_code = (meshqueue.expiry_of(j)).code, error_message = (meshqueue.expiry_of(j)).message
      where j.id = overdue;
  end if;
  return 1;
exception
  when sqlstate 'PT503' or lock_not_available or deadlock_detected then
    return 0;  -- somebody holds a part of it; the next call tries again
  when others then
    perform meshqueue.report_incident('expiry_failed', overdue, null, jsonb_build_object('error', sqlerrm));
    return 0;
end
$$;
revoke execute on function meshqueue.expire_job(uuid) from public, anon, authenticated;

-- Called by every worker, and by pg_cron where it exists, so that the promise holds with no worker alive. Skips what
-- somebody works on, so the lock order can't be broken. Each job ends by itself: one that can't (a session that hangs
-- may hold its run) keeps no other from its end.
create function meshqueue.expire_jobs(at_most integer default 100)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  overdue uuid;
  expired integer := 0;
begin
  for overdue in select o.id from meshqueue.overdue_jobs(least(at_most, 100)) o loop
    expired := expired + meshqueue.expire_job(overdue);
  end loop;
  return expired;
end
$$;
revoke execute on function meshqueue.expire_jobs(integer) from public, anon, authenticated;

-- Asked at each migrate and by each worker that arrives, so that it does not matter when pg_cron was enabled.
create function meshqueue.schedule_expiry()
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
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
