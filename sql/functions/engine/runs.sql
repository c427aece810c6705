-- A stage of a job: who holds it, and what becomes of it.
--
--   ready ──begin──▶ running ──finish──▶ done        every decision names the run, its attempt and its worker,
--     ▲               │  │ └──fail────▶ failed       and counts only while the run is theirs (the fence)
--     └─release, lapse┘  └─wait─▶ held ─time, resume─▶ ready
--   the job ends while a paid task may still run:  ready, held, running ──▶ draining ──end──▶ canceled, failed
--
-- Functions answer with jsonb whose `outcome` is a word: 'ok', 'draining' (the job is over, see the task to its
-- end), 'fenced' (not yours any more). Fields may be added; a caller ignores what it does not know.

create function meshqueue.live_submission(of_run bigint)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from meshqueue.submissions s
    where s.run_id = of_run and s.outcome in ('intent', 'accepted', 'lost')
  )
$$;
revoke execute on function meshqueue.live_submission(bigint) from public, anon, authenticated;

-- The run is over for its job. Its slot stays taken while a task that was paid for may still run.
create function meshqueue.close_run(run meshqueue.runs, end_state meshqueue.run_state)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  closed meshqueue.runs;
begin
  -- Facts are recorded under this lock alone: a late answer must be seen before the slot is given away.
  perform from meshqueue.runs r where r.id = run.id for no key update;
  if meshqueue.live_submission(run.id) then
    update meshqueue.runs r set state = 'draining', held_for = null, wake_at = now()
      where r.id = run.id returning * into closed;
    if closed.worker_id is null then
      perform meshqueue.wake(closed);
    end if;
  else
    update meshqueue.runs r
      set state = end_state, worker_id = null, held_for = null, wake_at = null, ended_at = now()
      where r.id = run.id;
    perform meshqueue.free_slot(run);
  end if;
  if run.state = 'running' and end_state = 'canceled' then
    perform meshqueue.kick('cancel', run);
  end if;
end
$$;
revoke execute on function meshqueue.close_run(meshqueue.runs, meshqueue.run_state) from public, anon, authenticated;

-- Locks in order (the account where the job may end, the job, the run), then looks through the fence.
create function meshqueue.hold_run(
  wanted bigint, by_attempt integer, by_worker uuid, may_end boolean, out run meshqueue.runs, out job public.ai_jobs,
  out outcome text
)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  select * into run from meshqueue.runs r where r.id = wanted;
  if may_end then
    perform meshqueue.lock_account(run.user_id);
  end if;
  select * into job from public.ai_jobs j where j.id = run.job_id for no key update;
  select * into run from meshqueue.runs r where r.id = wanted for no key update;
  outcome := case
    when run.attempt = by_attempt and run.worker_id = by_worker and run.state = 'running' then 'ok'
    when run.attempt = by_attempt and run.worker_id = by_worker and run.state = 'draining' then 'draining'
    else 'fenced'
  end;
end
$$;
revoke execute on function meshqueue.hold_run(bigint, integer, uuid, boolean) from public, anon, authenticated;

create function meshqueue.submission_json(of_run bigint)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('n', s.n, 'outcome', s.outcome, 'task_id', s.task_id, 'digest', s.digest,
    'content', s.content, 'intent_at', s.intent_at, 'gave_up_at', s.gave_up_at)
  from meshqueue.submissions s
  where s.run_id = of_run
  order by (s.outcome in ('intent', 'accepted', 'lost')) desc, (s.digest = 'stray'), s.n desc
  limit 1
$$;
revoke execute on function meshqueue.submission_json(bigint) from public, anon, authenticated;

-- What the finished stages made, by stage: the inputs of the next.
create function meshqueue.finished_stages(of_job uuid)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(r.stage, coalesce(r.result, '{}') || jsonb_strip_nulls(jsonb_build_object(
    'task_id', coalesce((
      select s.task_id from meshqueue.submissions s
      where s.run_id = r.id and s.outcome = 'succeeded' order by (s.digest = 'stray'), s.n desc limit 1
    ), r.result ->> 'task_id'),
    'seconds', extract(epoch from r.ended_at - r.begun_at)::numeric(12, 1)))), '{}')
  from meshqueue.runs r
  where r.job_id = of_job and r.state = 'done'
$$;
revoke execute on function meshqueue.finished_stages(uuid) from public, anon, authenticated;

create function meshqueue.run_json(run meshqueue.runs, job public.ai_jobs)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('outcome', case run.state when 'draining' then 'draining' else 'begun' end,
    'run', run.id, 'attempt', run.attempt, 'job_id', run.job_id, 'user_id', run.user_id, 'stage', run.stage,
    'provider', run.provider, 'pool', run.pool, 'retries', run.retries, 'asset_id', job.asset_id,
    'client_task_id', job.client_task_id, 'kind', job.kind, 'stages', job.stages, 'request', job.request_payload,
    'deadline_at', job.deadline_at, 'submission', meshqueue.submission_json(run.id),
    'finished', meshqueue.finished_stages(run.job_id))
$$;
revoke execute on function meshqueue.run_json(meshqueue.runs, public.ai_jobs) from public, anon, authenticated;

-- Why a worker may not begin this run now; null when it may.
create function meshqueue.refusal_to_begin(run meshqueue.runs, by_worker uuid, again boolean)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  asker meshqueue.workers;
begin
  select * into asker from meshqueue.workers w where w.id = by_worker;
  return case
    when run.id is null or run.ended_at is not null then 'over'
    when asker.id is null or not meshqueue.worker_lives(asker) then 'stale_worker'
    when again and run.worker_id = by_worker then null
    when run.worker_id is not null and exists (
      select from meshqueue.workers h
      where h.id = run.worker_id and h.left_at is null
        and (meshqueue.worker_lives(h) or not meshqueue.may_rescue(by_worker))) then 'busy'
    when run.state = 'held' and run.wake_at > now() then 'early'
    when run.state not in ('ready', 'held') or run.pool is null or meshqueue.live_submission(run.id) then null
    when meshqueue.provider_paused(run.provider) then 'paused'
    when exists (
      select from meshqueue.pauses p
      where p.provider = run.provider and p.fingerprint = asker.serves ->> run.provider::text) then 'key_paused'
  end;
end
$$;
revoke execute on function meshqueue.refusal_to_begin(meshqueue.runs, uuid, boolean) from public, anon, authenticated;

-- A request that its holder never saw answered, and whose holder is gone, is lost from now on.
create function meshqueue.give_up_intents(of_run bigint)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update meshqueue.submissions s set outcome = 'lost', gave_up_at = now()
  where s.run_id = of_run and s.outcome = 'intent'
$$;
revoke execute on function meshqueue.give_up_intents(bigint) from public, anon, authenticated;

create function meshqueue.start_job(job public.ai_jobs)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.ai_jobs j
  set status = 'IN_PROGRESS',
    deadline_at = now() + make_interval(mins => meshqueue.setting(
      case when j.stage = 'DELIVER' then 'delivery_deadline_minutes' else 'job_deadline_minutes' end)::integer)
  where j.id = job.id and j.status = 'QUEUED'
$$;
revoke execute on function meshqueue.start_job(public.ai_jobs) from public, anon, authenticated;

-- Every key is paused: until the provider is resumed. Only this worker's: another worker's turn in a moment.
create function meshqueue.hold_for_pause(run meshqueue.runs, refusal text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if refusal = 'paused' then
    update meshqueue.runs r set state = 'held', held_for = 'paused', wake_at = null where r.id = run.id;
  elsif refusal = 'key_paused' then
    update meshqueue.runs r
      set state = 'held', held_for = 'key_paused', wake_at = now() + interval '2 seconds' where r.id = run.id;
    perform meshqueue.wake(run, now() + interval '2 seconds');
  end if;
end
$$;
revoke execute on function meshqueue.hold_for_pause(meshqueue.runs, text) from public, anon, authenticated;

-- Takes a run that nobody holds, or whose holder's lease lapsed. Answers 'begun' or 'draining' with everything the
-- worker needs, else why not (`again`: the worker asked before and never heard the answer): 'over', 'busy', 'early', 'paused', 'key_paused', 'stale_worker'.
create function meshqueue.begin_stage(
  job_id uuid, stage public.job_stage, worker uuid, again boolean default false
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  job public.ai_jobs;
  run meshqueue.runs;
  refusal text;
begin
  select * into job from public.ai_jobs j where j.id = begin_stage.job_id for no key update;
  select * into run from meshqueue.runs r
    where r.job_id = begin_stage.job_id and r.stage = begin_stage.stage for no key update;
  refusal := meshqueue.refusal_to_begin(run, worker, again);
  if refusal is not null then
    perform meshqueue.hold_for_pause(run, refusal);
    return jsonb_build_object('outcome', refusal);
  end if;
  perform meshqueue.give_up_intents(run.id);
  update meshqueue.runs r
    set state = case r.state when 'draining' then r.state else 'running' end, attempt = r.attempt + 1,
      worker_id = worker, wake_at = null, held_for = null, begun_at = coalesce(r.begun_at, now())
    where r.id = run.id
    returning * into run;
  perform meshqueue.start_job(job);
  select * into job from public.ai_jobs j where j.id = job.id;
  return meshqueue.run_json(run, job);
end
$$;
revoke execute on function meshqueue.begin_stage(uuid, public.job_stage, uuid, boolean) from public, anon, authenticated;

-- Waits without burning a retry: no slot at the provider, its rate, a pause. The slot stays with the run.
create function meshqueue.wait_stage(
  run bigint, attempt integer, worker uuid, reason text, retry_at timestamptz default null
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
  if held.outcome = 'ok' then
    update meshqueue.runs r
      set state = 'held', worker_id = null, held_for = reason,
        wake_at = case when reason = 'paused' and meshqueue.provider_paused(r.provider) then null
          else coalesce(retry_at, now() + interval '5 seconds') end
      where r.id = wait_stage.run
      returning r into held.run;
    if (held.run).wake_at is not null then
      perform meshqueue.wake(held.run, (held.run).wake_at);
    end if;
  end if;
  return jsonb_build_object('outcome', held.outcome);
end
$$;
revoke execute on function meshqueue.wait_stage(bigint, integer, uuid, text, timestamptz)
  from public, anon, authenticated;

-- The provider itself says that the task failed and that another try makes sense: at most one more paid task.
create function meshqueue.retry_stage(run bigint, attempt integer, worker uuid, error jsonb default '{}')
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
  perform meshqueue.end_submissions(run, 'failed', null, error);
  if held.outcome = 'draining' then
    perform meshqueue.close_run(held.run, 'canceled');
    return jsonb_build_object('outcome', 'over');
  end if;
  update meshqueue.runs r set retries = 1, progress = 0 where r.id = retry_stage.run and r.retries = 0;
  return jsonb_build_object('outcome', case when found then 'ok' else 'exhausted' end);
end
$$;
revoke execute on function meshqueue.retry_stage(bigint, integer, uuid, jsonb) from public, anon, authenticated;

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
  next_run bigint;
begin
  if next_pool = done.pool and meshqueue.provider_admits(job.provider) then
    next_run := meshqueue.start_run(job.id, job.user_id, job.provider, next_stage, next_pool,
      meshqueue.credits_of(job, next_stage));
    update meshqueue.slots s set run_id = next_run, taken_at = now() where s.run_id = done.id;
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

create function meshqueue.finish_stage(
  run bigint, attempt integer, worker uuid, result jsonb default '{}', provider_credits numeric default null
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
  perform meshqueue.end_submissions(run, 'succeeded', provider_credits, null);
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
revoke execute on function meshqueue.finish_stage(bigint, integer, uuid, jsonb, numeric)
  from public, anon, authenticated;

-- A failing later stage does not throw away a good model that is paid: it is delivered, the open stages are free.
create function meshqueue.can_deliver_best(run meshqueue.runs)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select run.stage <> 'DELIVER' and meshqueue.setting('deliver_best') = 'true' and exists (
    select from meshqueue.runs d
    where d.job_id = run.job_id and d.state = 'done'
      and d.stage in ('PREVIEW', 'REFINE', 'REMESH', 'GENERATE', 'RIG')
  )
$$;
revoke execute on function meshqueue.can_deliver_best(meshqueue.runs) from public, anon, authenticated;

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
  if meshqueue.can_deliver_best(held.run) then
    perform meshqueue.advance_job(held.job, 'DELIVER');
    perform meshqueue.place_stage(held.job, 'DELIVER', 0);
    return jsonb_build_object('outcome', 'ok', 'next', 'DELIVER');
  end if;
  update public.ai_jobs j set status = 'FAILED', error_code = code, error_message = message
    where j.id = (held.job).id;
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.fail_stage(bigint, integer, uuid, text, text, jsonb, boolean)
  from public, anon, authenticated;

-- A run that drains after its holder gave it up needs somebody to watch it.
create function meshqueue.release_holder(of_run bigint)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  freed meshqueue.runs;
begin
  update meshqueue.runs r set worker_id = null, wake_at = now()
    where r.id = of_run and r.state = 'draining' returning * into freed;
  if found then
    perform meshqueue.wake(freed);
  end if;
end
$$;
revoke execute on function meshqueue.release_holder(bigint) from public, anon, authenticated;

-- A worker that shuts down hands its runs back, all in one call; each gets a wake-up for another worker.
create function meshqueue.release_stage(worker uuid, run_ids bigint[], attempts integer[])
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  freed meshqueue.runs;
  released integer := 0;
begin
  for freed in
    update meshqueue.runs r
      set state = case r.state when 'draining' then r.state else 'ready' end, worker_id = null, wake_at = now()
      from (
        select l.id from meshqueue.runs l
        join unnest(run_ids, attempts) g (id, attempt) on g.id = l.id and g.attempt = l.attempt
        where l.worker_id = worker and l.state in ('running', 'draining')
        order by l.id for no key update of l
      ) mine
      where r.id = mine.id
      returning r.*
  loop
    perform meshqueue.wake(freed);
    released := released + 1;
  end loop;
  return released;
end
$$;
revoke execute on function meshqueue.release_stage(uuid, bigint[], integer[]) from public, anon, authenticated;

-- The paid task of a job that is over has really ended, or was proved never to have been: the slot is free.
create function meshqueue.end_draining(
  run bigint, attempt integer, worker uuid, task_outcome meshqueue.submission_outcome,
  provider_credits numeric default null
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
  if held.outcome = 'draining' then
    perform meshqueue.end_submissions(run, task_outcome, provider_credits, null);
    perform meshqueue.close_run(held.run,
      case when (held.run).error is null then 'canceled' else 'failed' end::meshqueue.run_state);
  end if;
  return jsonb_build_object('outcome',
    case held.outcome when 'draining' then 'ok' when 'ok' then 'running' else held.outcome end);
end
$$;
revoke execute on function meshqueue.end_draining(bigint, integer, uuid, meshqueue.submission_outcome, numeric)
  from public, anon, authenticated;
