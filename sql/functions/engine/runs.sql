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
    delete from meshqueue.intents i where i.run_id = run.id;
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

-- Waits without burning a retry: no slot at the provider, its rate, a pause. The slot stays with the run. Counted is
-- only how often a delivery found its task ended and without a model: that must not go on until its deadline.
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
        retries = r.retries + case reason when 'no_model' then 1 else 0 end,
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
        where l.worker_id is not distinct from worker and l.state in ('running', 'draining')  -- see record_progress
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
