-- The journal of paid requests. No provider knows idempotency keys, so the intent is committed before the POST and
-- the task's id before the first look at it. Facts are written whatever the fence says: a worker that was thought
-- dead may hold the id of a paid task.

-- 'ok' with n: send it now. 'unresolved': an earlier request may have been accepted; see `submission`. 'exhausted':
-- the task failed as often as it may; fail the stage. 'paused', 'key_paused': a pause came since the stage was begun;
-- wait for its end. 'over_budget': wait for another day.
create function meshqueue.record_submitting(
  run bigint, attempt integer, worker uuid, digest text, content jsonb default '{}',
  expected_credits numeric default null
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
  pause text;
  sent smallint;
begin
  held := meshqueue.hold_run(run, attempt, worker, false);
  if held.outcome <> 'ok' then
    return jsonb_build_object('outcome', held.outcome);
  elsif meshqueue.live_submission(run) then
    return jsonb_build_object('outcome', 'unresolved', 'submission', meshqueue.submission_json(run));
  elsif meshqueue.tries_failed(run) > (held.run).retries then
    return jsonb_build_object('outcome', 'exhausted');
  end if;
  pause := meshqueue.pause_of((held.run).provider, worker);
  if pause is not null then
    return jsonb_build_object('outcome', pause);
  elsif not meshqueue.within_budget((held.run).provider, expected_credits) then
    return jsonb_build_object('outcome', 'over_budget');
  end if;
  insert into meshqueue.submissions as s (run_id, n, provider, attempt, digest, content, provider_credits, key)
    select record_submitting.run, coalesce(max(e.n), 0) + 1, (held.run).provider, record_submitting.attempt,
      record_submitting.digest, record_submitting.content, expected_credits,
      (select w.serves ->> (held.run).provider::text from meshqueue.workers w where w.id = worker)
    from meshqueue.submissions e where e.run_id = record_submitting.run
    returning s.n into sent;
  return jsonb_build_object('outcome', 'ok', 'n', sent);
end
$$;
revoke execute on function meshqueue.record_submitting(bigint, integer, uuid, text, jsonb, numeric)
  from public, anon, authenticated;

create function meshqueue.report_incident(what text, of_job uuid, of_run bigint, facts jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into meshqueue.incidents (kind, job_id, run_id, detail) values (what, of_job, of_run, facts)
$$;
revoke execute on function meshqueue.report_incident(text, uuid, bigint, jsonb) from public, anon, authenticated;

create function meshqueue.show_task(run meshqueue.runs, task text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  job public.ai_jobs;
begin
  -- Locked first: a job that is just being deleted must not take the task's id with it (23503).
  select * into job from public.ai_jobs j where j.id = run.job_id for key share;
  if found then
    insert into public.ai_job_events (job_id, stage, status, provider_task_id)
      values (job.id, run.stage, job.status, task);
  end if;
end
$$;
revoke execute on function meshqueue.show_task(meshqueue.runs, text) from public, anon, authenticated;

-- A task that was paid for, but that no row was waiting for any more: recorded as a submission of its own.
create function meshqueue.record_stray(run meshqueue.runs, task text, credits numeric)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.submissions
    (run_id, n, provider, attempt, digest, outcome, task_id, provider_credits, accepted_at, key)
    select run.id, max(s.n) + 1, run.provider, run.attempt, 'stray', 'accepted', task, credits, now(),
      (array_agg(s.key order by s.n desc))[1]
    from meshqueue.submissions s where s.run_id = run.id
    on conflict (provider, task_id) do nothing;
  if found then
    perform meshqueue.report_incident('stray_task', run.job_id, run.id, jsonb_build_object('task_id', task));
  end if;
end
$$;
revoke execute on function meshqueue.record_stray(meshqueue.runs, text, numeric) from public, anon, authenticated;

-- The provider named the task. Never refused. `hint_seen`: a webhook about it came before this commit.
create function meshqueue.record_submitted(run bigint, n integer, task_id text, provider_credits numeric default null)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
declare
  owner meshqueue.runs;
begin
  select * into owner from meshqueue.runs r where r.id = run for no key update;
  if not found then
    perform meshqueue.report_incident('stray_task', null, run, jsonb_build_object('task_id', task_id));
    return jsonb_build_object('outcome', 'ok', 'hint_seen', false);
  end if;
  update meshqueue.submissions s
    set task_id = record_submitted.task_id, accepted_at = now(), outcome = 'accepted', ended_at = null,
      provider_credits = coalesce(record_submitted.provider_credits, s.provider_credits)
    where s.run_id = run and s.n = record_submitted.n
      and s.outcome in ('intent', 'lost', 'absent', 'refused') and s.task_id is null
      and not exists (
        select from meshqueue.submissions o
        where o.provider = owner.provider and o.task_id = record_submitted.task_id
      );
  if found then
    perform meshqueue.show_task(owner, task_id);
    if owner.state = 'done' or exists (
      select from meshqueue.submissions o
      where o.run_id = run and o.n <> record_submitted.n and o.outcome in ('intent', 'accepted', 'lost')
    ) then
      perform meshqueue.report_incident('stray_task', owner.job_id, owner.id, jsonb_build_object('task_id', task_id));
    end if;
  else
    perform meshqueue.record_stray(owner, task_id, provider_credits);
  end if;
  perform meshqueue.reopen_run(owner);
  delete from meshqueue.hints h where h.provider = owner.provider and h.task_id = record_submitted.task_id;
  return jsonb_build_object('outcome', 'ok', 'hint_seen', found);
end
$$;
revoke execute on function meshqueue.record_submitted(bigint, integer, text, numeric) from public, anon, authenticated;

-- A paid task turned up for a run that is over: it drains, so that the task is canceled or seen to its end.
create function meshqueue.reopen_run(run meshqueue.runs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  reopened meshqueue.runs;
begin
  update meshqueue.runs r set state = 'draining', ended_at = null, worker_id = null, wake_at = now()
    where r.id = run.id and r.state in ('failed', 'canceled') and meshqueue.live_submission(r.id)
    returning * into reopened;
  if found then
    perform meshqueue.take_slot(reopened);
    perform meshqueue.wake(reopened);
  end if;
end
$$;
revoke execute on function meshqueue.reopen_run(meshqueue.runs) from public, anon, authenticated;

-- The provider refused for good: nothing was bought, the intent is taken back.
create function meshqueue.record_refused(run bigint, n integer, error jsonb default '{}')
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
begin
  update meshqueue.submissions s
    set outcome = 'refused', ended_at = now(), provider_credits = 0, error = record_refused.error
    where s.run_id = run and s.n = record_refused.n and s.outcome in ('intent', 'lost');
  return jsonb_build_object('outcome', case when found then 'ok' else 'unchanged' end);
end
$$;
revoke execute on function meshqueue.record_refused(bigint, integer, jsonb) from public, anon, authenticated;

-- No answer came: it may or may not have been accepted. It is reconciled, never sent again blindly.
create function meshqueue.record_lost(run bigint, n integer, error jsonb default '{}')
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
declare
  owner meshqueue.runs;
begin
  update meshqueue.submissions s
    set outcome = 'lost', gave_up_at = now(), error = record_lost.error
    where s.run_id = run and s.n = record_lost.n and s.outcome = 'intent';
  if not found then
    return jsonb_build_object('outcome', 'unchanged');
  end if;
  select * into owner from meshqueue.runs r where r.id = run;
  perform meshqueue.report_incident('submission_lost', owner.job_id, run, record_lost.error);
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.record_lost(bigint, integer, jsonb) from public, anon, authenticated;

-- The provider's list proves that a lost request bought nothing. The proof counts only when it was read at least
-- 60 s after the request gave up: lists lag, and a request may land after our time-out.
create function meshqueue.record_absent(run bigint, attempt integer, worker uuid, n integer, looked_at timestamptz)
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
  update meshqueue.submissions s set outcome = 'absent', ended_at = now(), provider_credits = 0
    where s.run_id = run and s.n = record_absent.n and s.outcome = 'lost'
      and looked_at >= s.gave_up_at + interval '60 seconds' and looked_at <= now() + interval '5 seconds';
  -- Proved before, where the answer was lost and the call repeated.
  perform from meshqueue.submissions s where s.run_id = run and s.n = record_absent.n and s.outcome = 'absent';
  return jsonb_build_object('outcome', case when found then held.outcome else 'too_early' end);
end
$$;
revoke execute on function meshqueue.record_absent(bigint, integer, uuid, integer, timestamptz)
  from public, anon, authenticated;

-- Those of these tasks that a run has already: what is left may belong to a request without an answer.
create function meshqueue.claimed_tasks(provider public.provider_type, task_ids text[])
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(s.task_id), '[]')
  from meshqueue.submissions s
  where s.provider = claimed_tasks.provider and s.task_id = any (task_ids)
$$;
revoke execute on function meshqueue.claimed_tasks(public.provider_type, text[]) from public, anon, authenticated;

-- Another run asked for what a provider's list shows as the same, though it may be of other options or, in a later
-- stage, of another model (on Meshy a refine stands there under its preview's prompt, on Tripo with its input). While
-- its request is under way the task may be the one that it is about to record; where both got no answer, nobody can tell
-- whose it is.
create function meshqueue.doubt_of_twin(of_run bigint, of_n integer)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when bool_or(twin.outcome = 'intent') then 'not_yet' when count(*) > 0 then 'ambiguous' end
  from meshqueue.submissions mine
  join meshqueue.submissions twin using (provider)
  where mine.run_id = of_run and mine.n = of_n and twin.run_id <> of_run
    and (twin.digest = mine.digest or twin.content -> 'resource' = mine.content -> 'resource'
      and twin.content -> 'content' -> 'prompt' = mine.content -> 'content' -> 'prompt'
      and twin.content -> 'content' -> 'input' is not distinct from mine.content -> 'content' -> 'input')
    and (twin.outcome = 'intent' and twin.intent_at > now() - interval '3 minutes'
      or twin.outcome = 'lost' and twin.digest <> mine.digest and twin.intent_at > mine.intent_at - interval '3 minutes')
$$;
revoke execute on function meshqueue.doubt_of_twin(bigint, integer) from public, anon, authenticated;

-- The list shows a task that is ours. 'claimed': another run has it. 'not_yet': it may be another's; look again.
-- 'ambiguous': nobody will ever know whose it is.
create function meshqueue.adopt_task(run bigint, attempt integer, worker uuid, n integer, task_id text)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
  doubt text;
begin
  held := meshqueue.hold_run(run, attempt, worker, false);
  doubt := meshqueue.doubt_of_twin(run, n);
  if held.outcome = 'fenced' then
    return jsonb_build_object('outcome', 'fenced');
  elsif doubt is not null then
    return jsonb_build_object('outcome', doubt);
  end if;
  update meshqueue.submissions s
    set outcome = 'accepted', task_id = adopt_task.task_id, accepted_at = now(),
      key = coalesce((select w.serves ->> s.provider::text from meshqueue.workers w where w.id = worker), s.key)
    where s.run_id = run and s.n = adopt_task.n and s.outcome = 'lost';
  if not found then
    return jsonb_build_object('outcome', 'unchanged', 'submission', meshqueue.submission_json(run));
  end if;
  perform meshqueue.show_task(held.run, task_id);
  return jsonb_build_object('outcome', held.outcome);
exception when unique_violation then
  return jsonb_build_object('outcome', 'claimed');
end
$$;
revoke execute on function meshqueue.adopt_task(bigint, integer, uuid, integer, text) from public, anon, authenticated;

create function meshqueue.end_submissions(
  of_run bigint, as_outcome meshqueue.submission_outcome, credits numeric, facts jsonb
)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update meshqueue.submissions s
  set outcome = as_outcome, ended_at = now(), error = coalesce(facts, s.error),
    provider_credits = case
      when as_outcome in ('absent', 'refused') then 0
      when s.n = watched.n then coalesce(credits, s.provider_credits)
      else s.provider_credits
    end
  from (
    select max(w.n) as n from meshqueue.submissions w
    where w.run_id = of_run and w.digest <> 'stray' and w.outcome in ('intent', 'accepted', 'lost')
  ) watched
  where s.run_id = of_run and s.outcome in ('intent', 'accepted', 'lost')
$$;
revoke execute on function meshqueue.end_submissions(bigint, meshqueue.submission_outcome, numeric, jsonb)
  from public, anon, authenticated;
