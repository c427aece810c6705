-- A job's row: checked and completed before it is written, entered after, guarded while it lives, closed at its end.

create function meshqueue.is_over(status public.job_status)
returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select status in ('SUCCEEDED', 'FAILED', 'CANCELED')
$$;
revoke execute on function meshqueue.is_over(public.job_status) from public, anon, authenticated;

create function meshqueue.check_identity(owner uuid)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not meshqueue.caller_is_client() then
    if owner is null then
      raise sqlstate 'PT400' using message = 'user_id is missing', detail = 'user_id',
        hint = 'A server inserts into ai_jobs and names in user_id the user for whom the job is made.';
    end if;
  elsif meshqueue.require_user() is distinct from owner then
    raise sqlstate 'PT403' using message = 'a job can only be made for yourself', detail = 'user_id',
      hint = 'Leave user_id out: it is you.';
  end if;
end
$$;
revoke execute on function meshqueue.check_identity(uuid) from public, anon, authenticated;

create function meshqueue.check_columns(job public.ai_jobs)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if job.status <> 'QUEUED' or job.progress <> 0 or job.created_at <> now() or job.result_payload is not null
    or coalesce(job.error_code, job.error_message) is not null or coalesce(job.started_at, job.finished_at) is not null
  then
    raise sqlstate 'PT400' using message = 'a job begins at its beginning', detail = 'status',
      hint = 'Leave out status, progress, the times, the result and the error.';
  elsif char_length(job.client_task_id) not between 1 and 128 or job.client_task_id ~ '[[:cntrl:]/\\]|^[.]+$' then
    raise sqlstate 'PT400' using message = 'client_task_id must have 1 to 128 characters, no slash and no control '
      'characters', detail = 'client_task_id',
      hint = 'Leave it out where jobs need no grouping.';
  elsif char_length(job.idempotency_key) not between 1 and 200 then
    raise sqlstate 'PT400' using message = 'idempotency_key must have 1 to 200 characters',
      detail = 'idempotency_key', hint = 'A random UUID per attempt of the user is a good key.';
  elsif jsonb_typeof(job.metadata) <> 'object' or octet_length(job.metadata::text) > 2048 then
    raise sqlstate 'PT400' using message = 'metadata must be a JSON object of at most 2 KB', detail = 'metadata',
      hint = 'Keep larger data in a table of your own and put its id here.';
  end if;
end
$$;
revoke execute on function meshqueue.check_columns(public.ai_jobs) from public, anon, authenticated;

create function meshqueue.require_asset(asset uuid, owner uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from public.assets a where a.id = asset and a.user_id = owner for key share;
  if not found then
    raise sqlstate 'PT404' using message = 'no such asset', detail = 'asset_id',
      hint = 'asset_id must be the id of an asset of the same user.';
  end if;
end
$$;
revoke execute on function meshqueue.require_asset(uuid, uuid) from public, anon, authenticated;

-- The user's job with this key, if any. Locks the account, so that the same key at once means one after the other.
create function meshqueue.job_by_key(owner uuid, key text)
returns setof public.ai_jobs
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  perform from auth.users u where u.id = owner for key share;
  perform meshqueue.lock_account(owner);
  return query select j.* from public.ai_jobs j where j.user_id = owner and j.idempotency_key = key;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.job_by_key(uuid, text) from public, anon, authenticated;

create function meshqueue.refuse_repeat(earlier public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise sqlstate 'PT409' using
    message = 'this idempotency_key was used before', detail = earlier.id::text,
    hint = 'The job that it made is in details. A new request needs a new key.';
end
$$;
revoke execute on function meshqueue.refuse_repeat(public.ai_jobs) from public, anon, authenticated;

-- Providers forget tasks after three days, and the chain of stages breaks with them.
create function meshqueue.inheritable(run meshqueue.runs)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select run.state = 'done' and run.stage <> 'DELIVER' and run.ended_at > now() - interval '60 hours'
$$;
revoke execute on function meshqueue.inheritable(meshqueue.runs) from public, anon, authenticated;

-- A retry's stages: those of the whole plan behind the last one that the earlier job finished.
create function meshqueue.stages_left(plan public.job_stage[], retried uuid)
returns public.job_stage[]
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select plan[coalesce(max(array_position(plan, r.stage)) + 1, 1):]
  from meshqueue.runs r
  where r.job_id = retried and meshqueue.inheritable(r)
$$;
revoke execute on function meshqueue.stages_left(public.job_stage[], uuid) from public, anon, authenticated;

-- A canceled job gave the credits of its finished stages back: who has it tried again pays for them after all, else
-- cancel and retry would make models for nothing. So it stays when that try fails, too: what it inherited (begun before
-- its run's row was made) is still to be paid. Otherwise a job that failed charges only what is missing.
create function meshqueue.refunded_stage(run meshqueue.runs)
returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select case when meshqueue.inheritable(run) and not run.charged_once_submitted
    and (run.begun_at < run.created_at
      or exists (select from public.ai_jobs j where j.id = run.job_id and j.status = 'CANCELED'))
    then run.credits else 0 end
$$;
revoke execute on function meshqueue.refunded_stage(meshqueue.runs) from public, anon, authenticated;

create function meshqueue.refunded(retried uuid)
returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(meshqueue.refunded_stage(r)), 0)::integer from meshqueue.runs r where r.job_id = retried
$$;
revoke execute on function meshqueue.refunded(uuid) from public, anon, authenticated;

-- A call of a function costs a create about a hundredth of its time, because plpgsql prepares its expressions anew in
-- each transaction. So the checks below ask first, in place, whether there is anything to check.

-- BEFORE INSERT reads and fills in, and writes nothing: it also fires for rows that ON CONFLICT then drops
-- (measured: one job, and credits reserved three times). Identity comes first, because triggers run before RLS's
-- check and a later refusal would tell a stranger something.
create function meshqueue.job_prepare()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  force meshqueue.in_force;
  plan record;
  price integer;
begin
  if new.user_id is null or new.user_id is distinct from auth.uid() then
    perform meshqueue.check_identity(new.user_id);
  end if;
  if coalesce(new.client_task_id, new.idempotency_key, new.error_code, new.error_message) is not null
    or new.metadata <> '{}' or coalesce(new.started_at, new.finished_at) is not null
    or new.status <> 'QUEUED' or new.progress <> 0 or new.created_at <> now() or new.result_payload is not null
  then
    perform meshqueue.check_columns(new);
  end if;
  select * into force from meshqueue.in_force;
  plan := meshqueue.read_request(new.request_payload, coalesce(new.provider, 'MESHY'), new.user_id);
  if new.asset_id <> plan.asset_id then
    raise sqlstate 'PT400' using message = 'asset_id says one thing and request_payload another',
      detail = 'asset_id', hint = 'Name the asset once.';
  end if;
  new.asset_id := coalesce(new.asset_id, plan.asset_id);
  if new.asset_id is not null then
    perform meshqueue.require_asset(new.asset_id, new.user_id);
  elsif plan.create_asset then
    new.asset_id := gen_random_uuid();
  end if;
  if new.idempotency_key is not null then
    perform meshqueue.refuse_repeat(earlier) from meshqueue.job_by_key(new.user_id, new.idempotency_key) earlier;
  end if;
  if plan.provider = any (force.doubtful) then
    perform meshqueue.require_provider(plan.provider);
  end if;
  new.id := coalesce(new.id, gen_random_uuid());
  new.metadata := coalesce(new.metadata, '{}');
  new.provider := plan.provider;
  new.kind := plan.kind;
  new.stages := case when new.retry_of is null then plan.stages
    else meshqueue.stages_left(plan.stages, new.retry_of) end;
  new.stage := new.stages[1];
  new.stage_credits := '{}';
  new.credits_cost := 0;
  for i in 1..cardinality(new.stages) loop
    price := force.prices ->> (new.provider || '_' || new.stages[i]);
    new.stage_credits := new.stage_credits || price;
    new.credits_cost := new.credits_cost + price;
  end loop;
  if new.retry_of is not null then
    new.credits_cost := new.credits_cost + meshqueue.refunded(new.retry_of);
  end if;
  new.deadline_at := now() + make_interval(mins => (force.settings ->> 'job_wait_minutes')::integer);
  return new;
end
$$;
revoke execute on function meshqueue.job_prepare() from public, anon, authenticated;

-- AFTER INSERT does the rest, in the lock order account, job, pool. A refusal here undoes the row too.
create function meshqueue.job_enter()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  if new.credits_cost = 0 then
    perform meshqueue.open_account(new.user_id);  -- the row that later steps lock
  end if;
  -- Money before rate: the ledger locks the account, as a create with a key did before it came here.
  with reserve as (
    insert into public.credit_ledger (user_id, job_id, kind, amount, hold)
    select new.user_id, new.id, 'reserve', 0, new.credits_cost where new.credits_cost > 0
  ), asset as (
    insert into public.assets (id, user_id, source_job_id, title, description)
    select new.asset_id, new.user_id, new.id, new.request_payload ->> 'asset_title',
      new.request_payload ->> 'asset_description'
    where new.asset_id is not null
    on conflict (id) do nothing
  )
  insert into public.ai_job_events (job_id, stage, status) values (new.id, new.stage, new.status);
  if current_setting('role') = 'authenticated' or meshqueue.caller_is_client() then
    perform meshqueue.count_rate(new.user_id, 'job_create', 'rate_job_create_per_minute');
  end if;
  perform meshqueue.place_stage(new, new.stage, 1);
  return null;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.job_enter() from public, anon, authenticated;

-- Holds for everybody, hand-written SQL included: what never changes, which way a status may go, what goes with it.
create function meshqueue.job_guard()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if (new.id, new.user_id, new.provider, new.kind, new.credits_cost, new.stages, new.stage_credits,
      new.request_payload, new.created_at)
    is distinct from (old.id, old.user_id, old.provider, old.kind, old.credits_cost, old.stages, old.stage_credits,
      old.request_payload, old.created_at)
  then
    raise sqlstate 'PT409' using message = 'what a job asked for and what it costs never changes',
      detail = old.id::text, hint = 'Cancel it and make a new one.';
  end if;
  if meshqueue.is_over(old.status) then
    if to_jsonb(new) - 'asset_id' is distinct from to_jsonb(old) - 'asset_id' then
      raise sqlstate 'PT409' using message = format('a job that %s never changes', old.status),
        detail = old.id::text, hint = 'Use retry_ai_job(job_id) for a new try.';
    end if;
    return new;
  end if;
  if new.status <> old.status then
    perform meshqueue.check_transition(old, new.status);
  end if;
  new.started_at := coalesce(new.started_at, case when new.status = 'IN_PROGRESS' then now() end);
  new.finished_at := case when meshqueue.is_over(new.status) then now() end;
  new.progress := case when new.status = 'SUCCEEDED' then 100 else least(greatest(new.progress, old.progress), 99) end;
  new.error_code := case when new.status = 'FAILED' then coalesce(new.error_code, 'ended_by_operator') end;
  new.error_message := case when new.status = 'FAILED'
    then coalesce(new.error_message, 'The job was ended by an operator.') end;
  return new;
end
$$;
revoke execute on function meshqueue.job_guard() from public, anon, authenticated;

create function meshqueue.check_transition(job public.ai_jobs, wanted public.job_status)
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (
    select from meshqueue.transitions t where t.from_status = job.status and t.to_status = wanted
  ) then
    raise sqlstate 'PT409' using message = format('a job can''t go from %s to %s', job.status, wanted),
      detail = job.id::text, hint = 'The table meshqueue.transitions lists the ways a job can go.';
  end if;
end
$$;
revoke execute on function meshqueue.check_transition(public.ai_jobs, public.job_status)
  from public, anon, authenticated;

-- History, written by a trigger so that it can't be forgotten, and told to the user's devices. (A job's first line
-- is written where it enters.)
create function meshqueue.job_history()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.ai_job_events (job_id, stage, status, payload)
    values (new.id, new.stage, new.status,
      case when new.status = 'FAILED' then jsonb_build_object('error_code', new.error_code) else '{}' end);
  perform meshqueue.tell_job(new);
  return null;
end
$$;
revoke execute on function meshqueue.job_history() from public, anon, authenticated;

-- A model that can't be rigged is delivered without, and the stage is not charged.
create function meshqueue.has_made(run meshqueue.runs)
returns boolean
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select run.state = 'done' and not (run.stage = 'RIG' and coalesce(run.result -> 'facts' -> 'riggable' = 'false', false))
$$;
revoke execute on function meshqueue.has_made(meshqueue.runs) from public, anon, authenticated;

-- What an ended job costs its user: finished stages when it succeeded; when canceled, and only under
-- cancel_refund = unsubmitted, the stages whose paid task can't be taken back; not those that had ended without a
-- result by then.
create function meshqueue.charge_of(job public.ai_jobs)
returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(sum(r.credits) filter (where case job.status
    when 'SUCCEEDED' then meshqueue.has_made(r)
    when 'CANCELED' then r.charged_once_submitted and r.state not in ('draining', 'failed') and exists (
      select from meshqueue.submissions s
      where s.run_id = r.id and s.outcome in ('intent', 'accepted', 'lost', 'succeeded'))
    else false
  end), 0)::integer
  from meshqueue.runs r
  where r.job_id = job.id
$$;
revoke execute on function meshqueue.charge_of(public.ai_jobs) from public, anon, authenticated;

-- The whole ending in one place, so that a status set by hand in a table editor is as safe as the functions.
create function meshqueue.close_job(job public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.settle_job(job, meshqueue.charge_of(job));
  delete from meshqueue.waiting w where w.job_id = job.id;
  perform meshqueue.close_run(r, 'canceled') from meshqueue.runs r
    where r.job_id = job.id and r.state in ('ready', 'held', 'running')
    order by r.pool;
end
$$;
revoke execute on function meshqueue.close_job(public.ai_jobs) from public, anon, authenticated;

create function meshqueue.job_over()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  perform meshqueue.close_job(new);
  return null;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.job_over() from public, anon, authenticated;

-- A live job may not just vanish. Deleting its user ends it first.
create function meshqueue.job_delete()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not meshqueue.is_over(old.status) then
    raise sqlstate 'PT409' using message = 'a job that is not over can''t be deleted', detail = old.id::text,
      hint = 'Cancel it first.';
  end if;
  delete from public.asset_files f where f.job_id = old.id and f.asset_id is null;
  update public.assets a set source_job_id = null where a.id = old.asset_id and a.source_job_id = old.id;
  return old;
end
$$;
revoke execute on function meshqueue.job_delete() from public, anon, authenticated;

create trigger ai_jobs_prepare before insert on public.ai_jobs
  for each row execute function meshqueue.job_prepare();
create trigger ai_jobs_enter after insert on public.ai_jobs
  for each row execute function meshqueue.job_enter();
create trigger ai_jobs_guard before update on public.ai_jobs
  for each row execute function meshqueue.job_guard();
create trigger ai_jobs_history after update of status, stage on public.ai_jobs
  for each row when (old.status <> new.status or old.stage <> new.stage) execute function meshqueue.job_history();
create trigger ai_jobs_over after update of status on public.ai_jobs
  for each row when (old.status < 'SUCCEEDED' and new.status >= 'SUCCEEDED')
  execute function meshqueue.job_over();
create trigger ai_jobs_delete before delete on public.ai_jobs
  for each row execute function meshqueue.job_delete();
