-- Canceling and trying again.

create function meshqueue.raise_no_such_job(argument text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise sqlstate 'PT404' using message = 'no such job', detail = argument,
    hint = 'It must be the id of a job of yours.';
end
$$;
revoke execute on function meshqueue.raise_no_such_job(text) from public, anon, authenticated;

-- The caller's job, locked in order. The service role may name anybody's.
create function meshqueue.lock_job(wanted uuid)
returns public.ai_jobs
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  job public.ai_jobs;
  caller uuid := case when meshqueue.caller_is_client() then meshqueue.require_user() end;
begin
  select * into job from public.ai_jobs j where j.id = wanted and (caller is null or j.user_id = caller);
  if not found then
    perform meshqueue.raise_no_such_job('job_id');
  end if;
  perform meshqueue.lock_account(job.user_id);
  select * into job from public.ai_jobs j where j.id = wanted for no key update;
  if not found then
    perform meshqueue.raise_no_such_job('job_id');
  end if;
  return job;
end
$$;
revoke execute on function meshqueue.lock_job(uuid) from public, anon, authenticated;

create function meshqueue.cancel_job(wanted uuid)
returns setof public.ai_jobs
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  job public.ai_jobs;
begin
  job := meshqueue.lock_job(wanted);  -- a handler does not reach what fails in declare
  if job.status in ('SUCCEEDED', 'FAILED') then
    raise sqlstate 'PT409' using message = format('the job has already %s', lower(job.status::text)),
      detail = job.id::text, hint = 'Only a job that is waiting or working can be canceled.';
  elsif job.status <> 'CANCELED' then
    update public.ai_jobs j set status = 'CANCELED' where j.id = wanted returning * into job;
  end if;
  return next job;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.cancel_job(uuid) from public, anon;
grant execute on function meshqueue.cancel_job(uuid) to authenticated, service_role;

create function public.cancel_ai_job(job_id uuid)
returns setof public.ai_jobs
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.cancel_job(job_id)
$$;
revoke execute on function public.cancel_ai_job(uuid) from public, anon;
grant execute on function public.cancel_ai_job(uuid) to authenticated, service_role;

create function meshqueue.check_retry(job public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  newer uuid;
begin
  select j.id into newer from public.ai_jobs j
    where j.user_id = job.user_id and j.retry_of = job.id and j.status in ('QUEUED', 'IN_PROGRESS', 'SUCCEEDED') limit 1;
  if job.status not in ('FAILED', 'CANCELED') or newer is not null then
    raise sqlstate 'PT409' using
      message = case when newer is null then 'only a job that failed or was canceled can be tried again'
        else 'this job was tried again before' end,
      detail = coalesce(newer, job.id)::text,
      hint = case when newer is null then 'Wait for it to end, or cancel it.' else 'The newer job is in details.' end;
  end if;
end
$$;
revoke execute on function meshqueue.check_retry(public.ai_jobs) from public, anon, authenticated;

-- What the earlier job finished counts for the new one too.
create function meshqueue.inherit_stages(from_job uuid, to_job public.ai_jobs)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into meshqueue.runs (job_id, user_id, provider, stage, credits, state, progress, result, begun_at, ended_at)
  select to_job.id, r.user_id, r.provider, r.stage, meshqueue.refunded_stage(r), 'done', 100,
    coalesce(r.result, '{}') || jsonb_strip_nulls(jsonb_build_object('task_id', coalesce((
      select s.task_id from meshqueue.submissions s
      where s.run_id = r.id and s.outcome = 'succeeded' order by (s.digest = 'stray'), s.n desc limit 1
    ), r.result ->> 'task_id'))), r.begun_at, r.ended_at
  from meshqueue.runs r
  where r.job_id = from_job and meshqueue.inheritable(r) and r.stage <> all (to_job.stages)
$$;
revoke execute on function meshqueue.inherit_stages(uuid, public.ai_jobs) from public, anon, authenticated;

create function meshqueue.retry_job(wanted uuid)
returns setof public.ai_jobs
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  old public.ai_jobs;
  job public.ai_jobs;
begin
  old := meshqueue.lock_job(wanted);
  perform meshqueue.check_retry(old);
  insert into public.ai_jobs as j (user_id, asset_id, provider, client_task_id, metadata, request_payload, retry_of)
    -- The provider again as it was named, not as it was routed: the body may name another.
    values (old.user_id, old.asset_id, case when old.request_payload ->> 'provider' is null then old.provider
      else 'MESHY' end, old.client_task_id, old.metadata, old.request_payload, old.id)
    returning j.* into job;
  perform meshqueue.inherit_stages(old.id, job);
  return next job;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.retry_job(uuid) from public, anon;
grant execute on function meshqueue.retry_job(uuid) to authenticated, service_role;

create function public.retry_ai_job(job_id uuid)
returns setof public.ai_jobs
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.retry_job(job_id)
$$;
revoke execute on function public.retry_ai_job(uuid) from public, anon;
grant execute on function public.retry_ai_job(uuid) to authenticated, service_role;
