-- How a stage ends: it went well, it failed, it may try once more; and what follows for its job.

create function meshqueue.tries_failed(of_run bigint)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select count(*) from meshqueue.submissions s where s.run_id = of_run and s.outcome = 'failed'
$$;
revoke execute on function meshqueue.tries_failed(bigint) from public, anon, authenticated;

-- The provider itself says that the task failed and that another try makes sense: at most one more paid task.
-- `n` is the failed one: said again, after an answer that was lost, it grants the same try and ends nothing else.
create function meshqueue.retry_stage(
  run bigint, attempt integer, worker uuid, error jsonb default '{}', n integer default null
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
begin
  held := meshqueue.hold_run(run, attempt, worker, false);
  if held.outcome = 'fenced' then
    return jsonb_build_object('outcome', 'fenced');
  end if;
  if not exists (
    select from meshqueue.submissions s where s.run_id = run and s.n = retry_stage.n and s.outcome = 'failed'
  ) then
    perform meshqueue.end_submissions(run, 'failed', null, error);
  end if;
  if held.outcome = 'draining' then
    perform meshqueue.close_run(held.run, 'canceled');
    return jsonb_build_object('outcome', 'over');
  end if;
  update meshqueue.runs r set retries = 1, progress = 0 where r.id = retry_stage.run and r.retries = 0;
  return jsonb_build_object('outcome',
    case when found or n is not null and meshqueue.tries_failed(run) <= 1 then 'ok' else 'exhausted' end);
end
$$;
revoke execute on function meshqueue.retry_stage(bigint, integer, uuid, jsonb, integer) from public, anon, authenticated;

-- One task of the stage has ended well and another follows: a model in each further format, a rig after its check.
create function meshqueue.finish_task(
  run bigint, attempt integer, worker uuid, n integer, result jsonb, provider_credits numeric default null
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
begin
  held := meshqueue.hold_run(run, attempt, worker, false);
  if held.outcome = 'fenced' then
    return jsonb_build_object('outcome', 'fenced');
  end if;
  update meshqueue.submissions s
    set outcome = 'succeeded', ended_at = now(), result = finish_task.result,
      provider_credits = coalesce(finish_task.provider_credits, s.provider_credits)
    where s.run_id = run and s.n = finish_task.n and s.outcome = 'accepted';
  if held.outcome = 'draining' then
    perform meshqueue.close_run(held.run, 'canceled');
    return jsonb_build_object('outcome', 'over');
  end if;
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.finish_task(bigint, integer, uuid, integer, jsonb, numeric)
  from public, anon, authenticated;

create function meshqueue.next_stage(job public.ai_jobs, done public.job_stage)
returns public.job_stage
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select job.stages[array_position(job.stages, done) + 1]
$$;
revoke execute on function meshqueue.next_stage(public.ai_jobs, public.job_stage) from public, anon, authenticated;

create function meshqueue.advance_job(job public.ai_jobs, next_stage public.job_stage)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.ai_jobs j
  set stage = next_stage, progress = greatest(j.progress, meshqueue.whole_progress(j, next_stage, 0)),
    deadline_at = case when next_stage = 'DELIVER'
      then now() + make_interval(mins => meshqueue.setting('delivery_deadline_minutes')::integer)
      else j.deadline_at end
  where j.id = job.id
$$;
revoke execute on function meshqueue.advance_job(public.ai_jobs, public.job_stage) from public, anon, authenticated;

-- The slot goes along where the next stage needs the same pool; else it is freed and the next stage asks for its own.
create function meshqueue.pass_on(job public.ai_jobs, done meshqueue.runs, next_stage public.job_stage)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  next_pool text := meshqueue.pool_of(job.provider, next_stage);
begin
  if next_pool = done.pool and meshqueue.provider_admits(job.provider) then
    perform meshqueue.start_run(job, next_stage, next_pool,
      (select s.id from meshqueue.slots s where s.run_id = done.id));
  else
    perform meshqueue.lock_pools(done.pool, next_pool);
    perform meshqueue.place_stage(job, next_stage, 0);
    perform meshqueue.free_slot(done);
  end if;
end
$$;
revoke execute on function meshqueue.pass_on(public.ai_jobs, meshqueue.runs, public.job_stage)
  from public, anon, authenticated;

-- Two pools are locked in the order of their names; what can't be had quickly is had later by each step itself.
create function meshqueue.lock_pools(freed text, claimed text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if claimed < freed then
    perform pg_advisory_xact_lock_shared(meshqueue.pool_key(claimed));
  end if;
  if freed is not null then
    perform meshqueue.lock_pool_to_free(freed);
  end if;
end
$$;
revoke execute on function meshqueue.lock_pools(text, text) from public, anon, authenticated;

-- `failure`: the stage's last request made nothing, and the stage goes without it (one of further formats).
create function meshqueue.finish_stage(
  run bigint, attempt integer, worker uuid, result jsonb default '{}', provider_credits numeric default null,
  failure jsonb default null
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
  done meshqueue.runs;
begin
  held := meshqueue.hold_run(run, attempt, worker, false);
  if held.outcome = 'fenced' then
    return jsonb_build_object('outcome', 'fenced');
  end if;
  perform meshqueue.end_submissions(run,
    case when failure is null then 'succeeded' else 'failed' end::meshqueue.submission_outcome, provider_credits, failure);
  if held.outcome = 'draining' then
    perform meshqueue.close_run(held.run, 'canceled');
    return jsonb_build_object('outcome', 'over');
  end if;
  update meshqueue.runs r
    set state = 'done', worker_id = null, progress = 100, ended_at = now(), result = finish_stage.result
    where r.id = finish_stage.run
    returning * into done;
  perform meshqueue.advance_job(held.job, meshqueue.next_stage(held.job, done.stage));
  perform meshqueue.pass_on(held.job, done, meshqueue.next_stage(held.job, done.stage));
  return jsonb_build_object('outcome', 'ok', 'next', meshqueue.next_stage(held.job, done.stage));
end
$$;
revoke execute on function meshqueue.finish_stage(bigint, integer, uuid, jsonb, numeric, jsonb)
  from public, anon, authenticated;

-- A failing later stage does not throw away a good model that is paid: it is delivered, the open stages are free.
create function meshqueue.can_deliver_best(job public.ai_jobs)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select job.status = 'IN_PROGRESS' and job.stage <> 'DELIVER' and meshqueue.setting('deliver_best') = 'true'
    and exists (
      select from meshqueue.runs d
      where d.job_id = job.id and d.state = 'done'
        and d.stage in ('PREVIEW', 'REFINE', 'REMESH', 'GENERATE', 'RIG'))
$$;
revoke execute on function meshqueue.can_deliver_best(public.ai_jobs) from public, anon, authenticated;

create function meshqueue.deliver_best(job public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.advance_job(job, 'DELIVER');
  perform meshqueue.place_stage(job, 'DELIVER', 0);
end
$$;
revoke execute on function meshqueue.deliver_best(public.ai_jobs) from public, anon, authenticated;

-- task_ended false: the provider's task, or what may have become of a lost request, is still to be seen to its end.
create function meshqueue.fail_stage(
  run bigint, attempt integer, worker uuid, code text, message text, raw jsonb default '{}',
  task_ended boolean default true
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
begin
  held := meshqueue.hold_run(run, attempt, worker, true);
  if held.outcome = 'fenced' then
    return jsonb_build_object('outcome', 'fenced');
  end if;
  if task_ended then
    perform meshqueue.end_submissions(run, 'failed', null, raw);
  end if;
  update meshqueue.runs r set error = coalesce(raw, '{}') || jsonb_build_object('code', code)
    where r.id = fail_stage.run;
  if held.outcome = 'draining' then
    if task_ended then
      perform meshqueue.close_run(held.run, 'canceled');
    end if;
    return jsonb_build_object('outcome', case when task_ended then 'over' else 'draining' end);
  end if;
  perform meshqueue.close_run(held.run, 'failed');
  perform meshqueue.release_holder(run);
  if meshqueue.can_deliver_best(held.job) then
    perform meshqueue.deliver_best(held.job);
    return jsonb_build_object('outcome', 'ok', 'next', 'DELIVER');
  end if;
  update public.ai_jobs j set status = 'FAILED', error_code = code, error_message = message
    where j.id = (held.job).id;
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.fail_stage(bigint, integer, uuid, text, text, jsonb, boolean)
  from public, anon, authenticated;
