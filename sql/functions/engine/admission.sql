-- Slots, waiting jobs and whose turn it is.
--
-- A slot is a token row: leave to occupy one of the provider's concurrent tasks. Two kinds of transaction touch
-- a pool. Who creates holds the pool's advisory lock shared and may claim a free token for itself; who frees holds
-- it exclusive and picks the next from the ring; both to commit. So nobody can find no token and start to wait
-- while somebody else finds nobody waiting and leaves a token free. Over 400 bursts: "lock only if a slot seems
-- free" lost wake-ups in 190, "skip, the holder will look again" in 287, shared/exclusive in none, at 3,604
-- creates a second against 2,189 with an always exclusive lock.

create function meshqueue.pool_key(pool text)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select p.lock_key from meshqueue.pools p where p.name = pool
$$;
revoke execute on function meshqueue.pool_key(text) from public, anon, authenticated;

-- False when the lock can't be had quickly: the caller frees its token all the same and has `admit` called later.
create function meshqueue.lock_pool_to_free(pool text)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '250ms'
as $$
begin
  perform pg_advisory_xact_lock(meshqueue.pool_key(pool));
  return true;
exception when lock_not_available then
  return false;
end
$$;
revoke execute on function meshqueue.lock_pool_to_free(text) from public, anon, authenticated;

-- A run, the slot that it takes and its wake-up, with as few statements and calls as can be: it is a third of what a
-- create costs that is admitted at once.
create function meshqueue.start_run(job public.ai_jobs, next_stage public.job_stage, pool text, token bigint)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  with run as (
    insert into meshqueue.runs as r (job_id, user_id, provider, stage, pool, credits, charged_once_submitted, wake_at)
    select job.id, job.user_id, job.provider, next_stage, start_run.pool,
      job.stage_credits[array_position(job.stages, next_stage)], f.settings ->> 'cancel_refund' = 'unsubmitted', now()
    from meshqueue.in_force f
    returning r.id
  )
  update meshqueue.slots s set run_id = run.id, taken_at = now() from run where s.id = token;
  perform meshqueue.wake_stage(job.id, job.provider, next_stage);
end
$$;
revoke execute on function meshqueue.start_run(public.ai_jobs, public.job_stage, text, bigint)
  from public, anon, authenticated;

create function meshqueue.free_token(wanted_pool text)
returns bigint
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  token bigint;
begin
  select s.id into token
    from meshqueue.slots s where s.pool = wanted_pool and s.run_id is null limit 1 for update skip locked;
  return token;
end
$$;
revoke execute on function meshqueue.free_token(text) from public, anon, authenticated;

-- A stage that is next: begun at once when it needs no slot or one is free, else it waits its turn. Every create
-- comes through here, and each call of a function costs it a hundredth: hence the look-ups in place.
create function meshqueue.place_stage(job public.ai_jobs, next_stage public.job_stage, in_tier integer)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  pool record;
  token bigint;
begin
  select p.name, p.lock_key, job.provider = any (f.doubtful)
      or f.settings ? ('max_provider_credits_per_day_' || lower(job.provider::text)) as doubtful
    into pool
    from meshqueue.pools p, meshqueue.in_force f
    where p.provider = job.provider and next_stage = any (p.stages);
  if found then
    perform pg_advisory_xact_lock_shared(pool.lock_key);
    if not pool.doubtful or meshqueue.provider_admits(job.provider) then
      select s.id into token from meshqueue.slots s
        where s.pool = pool.name and s.run_id is null limit 1 for update skip locked;
    end if;
    if token is null then
      with waiting as (
        insert into meshqueue.waiting (job_id, user_id, pool, tier, stage)
        values (job.id, job.user_id, pool.name, in_tier, next_stage)
      )
      insert into meshqueue.ring (pool, tier, user_id) values (pool.name, in_tier, job.user_id)
        on conflict do nothing;
      return;
    end if;
  end if;
  perform meshqueue.start_run(job, next_stage, pool.name, token);
  if in_tier = 1 then
    perform meshqueue.tell_job(job);
  end if;
end
$$;
revoke execute on function meshqueue.place_stage(public.ai_jobs, public.job_stage, integer)
  from public, anon, authenticated;

-- The next in turn: continuing jobs before new ones, round-robin over users, a user's oldest first. Found by
-- walking an index: 0.23 ms with 100,000 waiting against 0.19 ms with 100; a window sort took 62 ms.
-- Only for a holder of the exclusive lock.
create function meshqueue.take_next(from_pool text)
returns setof meshqueue.waiting
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  turn meshqueue.ring;
  taken meshqueue.waiting;
begin
  loop
    -- One row at a time: a loop over the query would sort the whole ring first.
    select g.* into turn from meshqueue.ring g
      where g.pool = from_pool
        and (turn.user_id is null or (g.tier, g.position) > (turn.tier, turn.position))
      order by g.tier, g.position limit 1;
    exit when not found;
    delete from meshqueue.waiting w
    where w.job_id = (
      select o.job_id from meshqueue.waiting o
      where o.pool = from_pool and o.tier = turn.tier and o.user_id = turn.user_id
      order by o.seq limit 1 for update skip locked
    )
    returning w.* into taken;
    -- A row that a cancel has locked still counts: the cancel may roll back.
    if exists (
      select from meshqueue.waiting w
      where w.pool = from_pool and w.tier = turn.tier and w.user_id = turn.user_id
    ) then
      update meshqueue.ring g set position = nextval('meshqueue.ring_position')
        where g.pool = from_pool and g.tier = turn.tier and g.user_id = turn.user_id and taken.job_id is not null;
    else
      delete from meshqueue.ring g
        where g.pool = from_pool and g.tier = turn.tier and g.user_id = turn.user_id;
    end if;
    if taken.job_id is not null then
      return next taken;
      return;
    end if;
  end loop;
end
$$;
revoke execute on function meshqueue.take_next(text) from public, anon, authenticated;

-- Hands free tokens to waiting jobs. Only for a holder of the exclusive lock.
create function meshqueue.fill_pool(to_fill text)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  token bigint;
  turn meshqueue.waiting;
  job public.ai_jobs;
  admitted integer := 0;
begin
  loop
    if admitted = 200 then  -- a limit raised by thousands: not all in one transaction
      perform meshqueue.admit_later(to_fill);
      exit;
    end if;
    token := meshqueue.free_token(to_fill);
    exit when token is null;
    exit when not meshqueue.provider_admits((select p.provider from meshqueue.pools p where p.name = to_fill));
    select * into turn from meshqueue.take_next(to_fill);
    exit when not found;
    select * into job from public.ai_jobs j where j.id = turn.job_id;
    continue when not found;
    perform meshqueue.start_run(job, turn.stage, to_fill, token);
    if turn.tier = 1 then
      perform meshqueue.tell_job(job);
    end if;
    admitted := admitted + 1;
  end loop;
  return admitted;
end
$$;
revoke execute on function meshqueue.fill_pool(text) from public, anon, authenticated;

-- For wake-ups and sweeps, and after a change of the limits: raising admits at once, lowering drains. Covers
-- rollbacks, idle transactions and locks that could not be had.
create function meshqueue.admit(only_pool text default null)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  pool text;
  admitted integer := 0;
begin
  for pool in select p.name from meshqueue.pools p where only_pool is null or p.name = only_pool order by p.name loop
    if meshqueue.lock_pool_to_free(pool) then
      perform meshqueue.fit_pool(pool);
      admitted := admitted + meshqueue.fill_pool(pool);
    else
      perform meshqueue.admit_later(pool);
    end if;
  end loop;
  return admitted;
end
$$;
revoke execute on function meshqueue.admit(text) from public, anon, authenticated;

-- One wake-up does for all who ask, if it comes after they commit: while a lock is held, each would else beget the next,
-- a new line with each sweep.
create function meshqueue.admit_later(pool text)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.enqueue('upkeep', 'admit', jsonb_build_object('pool', pool),
    clock_timestamp() + interval '1 second')
  where not exists (
    select from procrastinate.procrastinate_jobs q
    where q.queue_name = 'upkeep' and q.task_name = 'admit' and q.status = 'todo'
      and q.scheduled_at > clock_timestamp() + interval '250 milliseconds' and q.args ->> 'pool' = admit_later.pool)
$$;
revoke execute on function meshqueue.admit_later(text) from public, anon, authenticated;

create function meshqueue.capacity(of_pool text)
returns integer
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.setting(p.setting)::integer from meshqueue.pools p where p.name = of_pool
$$;
revoke execute on function meshqueue.capacity(text) from public, anon, authenticated;

-- The provider's task has really ended: its token goes to the next in turn, or dies if the limit was lowered.
create function meshqueue.free_slot(run meshqueue.runs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  locked boolean;
begin
  if run.pool is null then
    return;
  end if;
  locked := meshqueue.lock_pool_to_free(run.pool);
  if (select count(*) from meshqueue.slots s where s.pool = run.pool) > meshqueue.capacity(run.pool) then
    delete from meshqueue.slots s where s.run_id = run.id;
  else
    update meshqueue.slots s set run_id = null, taken_at = null where s.run_id = run.id;
  end if;
  if locked then
    perform meshqueue.fill_pool(run.pool);
  else
    perform meshqueue.admit_later(run.pool);
  end if;
end
$$;
revoke execute on function meshqueue.free_slot(meshqueue.runs) from public, anon, authenticated;

-- Makes the number of tokens fit the setting. Only for a holder of the exclusive lock.
create function meshqueue.fit_pool(to_fit text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  missing integer := meshqueue.capacity(to_fit)
    - (select count(*) from meshqueue.slots s where s.pool = to_fit);
begin
  insert into meshqueue.slots (pool) select to_fit from generate_series(1, missing);
  delete from meshqueue.slots s
    where missing < 0 and s.id in (
      select f.id from meshqueue.slots f
      where f.pool = to_fit and f.run_id is null limit greatest(-missing, 0) for update skip locked
    );
end
$$;
revoke execute on function meshqueue.fit_pool(text) from public, anon, authenticated;

-- A slot for a task that is already paid for: above the limit if need be, the token dies when it is freed.
create function meshqueue.take_slot(run meshqueue.runs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  token bigint := meshqueue.free_token(run.pool);
begin
  if token is null then
    insert into meshqueue.slots (pool, run_id, taken_at) values (run.pool, run.id, now()) on conflict do nothing;
  else
    update meshqueue.slots s set run_id = run.id, taken_at = now() where s.id = token;
  end if;
end
$$;
revoke execute on function meshqueue.take_slot(meshqueue.runs) from public, anon, authenticated;
