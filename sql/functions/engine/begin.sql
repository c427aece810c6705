-- A worker takes a run: who may, and what it is told.

create function meshqueue.submission_json(of_run bigint)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('n', s.n, 'outcome', s.outcome, 'task_id', s.task_id, 'digest', s.digest,
    'content', s.content, 'intent_at', s.intent_at, 'gave_up_at', s.gave_up_at,
    'other_key', meshqueue.has_another_key(s, r.worker_id))
  from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
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

-- The tasks of this run that ended well, in order: some stages need one after the other.
create function meshqueue.finished_tasks(of_run bigint)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object('n', s.n, 'task_id', s.task_id, 'content', s.content,
    'result', s.result) order by s.n), '[]')
  from meshqueue.submissions s
  where s.run_id = of_run and s.outcome = 'succeeded' and s.result is not null
$$;
revoke execute on function meshqueue.finished_tasks(bigint) from public, anon, authenticated;

-- As they are now, typed; a worker asks nothing else of the settings.
create function meshqueue.settings_of_a_run()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'moderation', (f.settings ->> 'moderation')::boolean,
    'optimise_preset', f.settings -> 'optimise_preset',
    'keep_original_days', (f.settings ->> 'keep_original_days')::integer,
    'deliver_best', (f.settings ->> 'deliver_best')::boolean)
  from meshqueue.in_force f
$$;
revoke execute on function meshqueue.settings_of_a_run() from public, anon, authenticated;

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
    'tasks', meshqueue.finished_tasks(run.id), 'finished', meshqueue.finished_stages(run.job_id),
    'other_keys', meshqueue.tasks_of_other_keys(run), 'settings', meshqueue.settings_of_a_run(),
    'probe', run.stage = 'DELIVER' and meshqueue.deliveries_paused())
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
    when meshqueue.waits_for_another_key(run, asker) then 'other_key'
    when run.state not in ('ready', 'held') or run.pool is null or meshqueue.live_submission(run.id) then null
    else meshqueue.pause_of(run.provider, by_worker)
  end;
end
$$;
revoke execute on function meshqueue.refusal_to_begin(meshqueue.runs, uuid, boolean) from public, anon, authenticated;

-- A request that its holder never saw answered, and whose holder is gone, is lost. It may still be under way: a
-- worker sends it within 40 s of the intent or not at all, and waits two minutes at most for its answer. What is
-- proved from the provider's list counts from then on.
create function meshqueue.give_up_intents(of_run bigint)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update meshqueue.submissions s set outcome = 'lost', gave_up_at = greatest(now(), s.intent_at + interval '3 minutes')
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

create function meshqueue.give_back_time_in_line(job public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  stood constant interval := meshqueue.time_in_line(job);
begin
  if stood > interval '0' then
    update public.ai_jobs j set deadline_at = j.deadline_at + stood
      where j.id = job.id and j.status = 'IN_PROGRESS';
  end if;
end
$$;
revoke execute on function meshqueue.give_back_time_in_line(public.ai_jobs) from public, anon, authenticated;

-- Every key is paused: until the provider is resumed. Only this worker's, or it has the wrong one: another worker's turn
-- in a moment; what builds on tasks of a paused key is nobody else's, and would go to and fro at that pace.
create function meshqueue.hold_for_pause(run meshqueue.runs, refusal text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  again timestamptz;
begin
  if refusal = 'paused' then
    update meshqueue.runs r set state = 'held', held_for = 'paused', wake_at = null where r.id = run.id;
  elsif refusal = 'key_paused' then
    again := now() + case when meshqueue.key_of(run) is null then interval '2 seconds' else interval '30 seconds' end;
    update meshqueue.runs r
      set state = 'held', held_for = 'key_paused', wake_at = again where r.id = run.id;
    perform meshqueue.wake(run, again);
  elsif refusal = 'other_key' then
    perform meshqueue.leave_to_its_key(run);
  elsif refusal = 'storage_full' then
    update meshqueue.runs r set state = 'held', held_for = 'storage_full', wake_at = null where r.id = run.id;
  end if;
end
$$;
revoke execute on function meshqueue.hold_for_pause(meshqueue.runs, text) from public, anon, authenticated;

-- Takes a run that nobody holds, or whose holder's lease lapsed. Answers 'begun' or 'draining' with everything the
-- worker needs, else why not (`again`: the worker asked before and never heard the answer): 'over', 'busy', 'early',
-- 'paused', 'key_paused', 'other_key', 'storage_full', 'stale_worker'.
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
  if refusal is null and run.stage = 'DELIVER' and run.state in ('ready', 'held')
    and job.request_payload -> 'store_assets' is distinct from 'false' and not meshqueue.may_deliver()
  then
    refusal := 'storage_full';
  end if;
  if refusal is not null then
    perform meshqueue.hold_for_pause(run, refusal);
    return jsonb_build_object('outcome', refusal);
  end if;
  perform meshqueue.give_up_intents(run.id);
  if run.stage = job.stage then
    perform meshqueue.give_back_time_in_line(job);
  end if;
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
