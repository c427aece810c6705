-- procrastinate carries wake-ups only: no lock, no queueing lock, no retry of its own.

create function meshqueue.enqueue(queue text, task text, args jsonb, at timestamptz default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform procrastinate.procrastinate_defer_jobs_v1(array[
    row(queue, task, 0, null, null, args, at)::procrastinate.procrastinate_job_to_defer_v1
  ]);
end
$$;
revoke execute on function meshqueue.enqueue(text, text, jsonb, timestamptz) from public, anon, authenticated;

-- Each provider has queues of its own, so that only workers with its key are woken: a delivery needs it too. Where it
-- must be one certain key, that key has its own.
create function meshqueue.wake_stage(
  job uuid, provider public.provider_type, stage public.job_stage, at timestamptz default null, of_key text default null
)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.enqueue(
    case when stage = 'DELIVER' then 'deliveries_' else 'stages_' end || lower(provider::text)
      || coalesce('_' || of_key, ''),
    case when stage = 'DELIVER' then 'deliver' else 'run_stage' end,
    jsonb_build_object('job_id', job, 'stage', stage),
    at
  );
end
$$;
revoke execute on function meshqueue.wake_stage(uuid, public.provider_type, public.job_stage, timestamptz, text)
  from public, anon, authenticated;

create function meshqueue.wake(run meshqueue.runs, at timestamptz default null)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.wake_stage(run.job_id, run.provider, run.stage, at);
end
$$;
revoke execute on function meshqueue.wake(meshqueue.runs, timestamptz) from public, anon, authenticated;

-- Tells the worker that holds a run something it should not wait for. Dear (it serialises commits), so rare.
create function meshqueue.kick(what text, run meshqueue.runs)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select pg_notify('meshqueue', jsonb_build_object(
    'type', what, 'run', run.id, 'attempt', run.attempt, 'worker', run.worker_id, 'job_id', run.job_id)::text)
$$;
revoke execute on function meshqueue.kick(text, meshqueue.runs) from public, anon, authenticated;
