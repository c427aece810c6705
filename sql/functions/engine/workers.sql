-- Which workers live, and what becomes of the runs of those that died.

-- Every 5 s. `serves` names the providers and the fingerprint of the worker's key for each.
create function meshqueue.heartbeat(worker uuid, serves jsonb, info jsonb default '{}', leaving boolean default false)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  earlier meshqueue.workers;
  known meshqueue.workers;
  paused_before jsonb;
begin
  select * into earlier from meshqueue.workers w where w.id = worker for no key update;
  if earlier.serves is distinct from heartbeat.serves or not meshqueue.worker_lives(earlier) then
    paused_before := meshqueue.paused_providers();
  end if;
  insert into meshqueue.workers as w (id, serves, info) values (worker, heartbeat.serves, heartbeat.info)
  on conflict (id) do update
    set seen_at = now(), serves = excluded.serves, info = excluded.info,
      unbroken_since = case when meshqueue.worker_lives(w) then w.unbroken_since else now() end,
      left_at = case when leaving then now() end
  returning w.* into known;
  if earlier.id is null then
    perform meshqueue.schedule_expiry();
  end if;
  if paused_before is not null then
    perform meshqueue.keys_changed(known, paused_before);
  end if;
  perform meshqueue.note_doubts();  -- each time: a provider is unserved from the moment its last worker is a week gone
  return jsonb_build_object('unbroken_since', known.unbroken_since);
end
$$;
revoke execute on function meshqueue.heartbeat(uuid, jsonb, jsonb, boolean) from public, anon, authenticated;

-- May rescue: only who has itself been seen without a gap for a lease's length. After an outage of Postgres all
-- leases have lapsed, and the holders must first have had the chance to say that they live.
create function meshqueue.may_rescue(rescuer uuid)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from meshqueue.workers w
    where w.id = rescuer and meshqueue.worker_lives(w) and w.unbroken_since <= now() - meshqueue.lease()
  )
$$;
revoke execute on function meshqueue.may_rescue(uuid) from public, anon, authenticated;

create function meshqueue.orphaned_runs(at_most integer)
returns setof meshqueue.runs
language sql
set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from meshqueue.runs r
  where r.worker_id is not null and not exists (
    select from meshqueue.workers w where w.id = r.worker_id and meshqueue.worker_lives(w)
  )
  order by r.id limit at_most for no key update of r skip locked
$$;
revoke execute on function meshqueue.orphaned_runs(integer) from public, anon, authenticated;

-- A ready run that nobody began for 30 s, a held one whose time has come or whose provider is open again (a pause may
-- be lifted while the run is being held), a draining one that nobody watches; not
-- those whose wake-up is still in the queue because all workers are busy.
create function meshqueue.forgotten_runs(at_most integer)
returns setof meshqueue.runs
language sql
set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from meshqueue.runs r
  where r.worker_id is null
    and (r.state in ('ready', 'held', 'draining') and r.wake_at < now() - interval '30 seconds'
      or r.state = 'held' and r.wake_at is null and not case r.held_for
        when 'storage_full' then meshqueue.deliveries_paused() else meshqueue.provider_paused(r.provider) end)
    and not exists (
      select from procrastinate.procrastinate_jobs q
      where q.status = 'todo' and q.args ->> 'job_id' = r.job_id::text and q.args ->> 'stage' = r.stage::text
    )
  order by r.wake_at limit at_most for no key update of r skip locked
$$;
revoke execute on function meshqueue.forgotten_runs(integer) from public, anon, authenticated;

create function meshqueue.hand_out_again(run meshqueue.runs)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update meshqueue.runs r
    set state = case r.state when 'draining' then r.state else 'ready' end, worker_id = null, held_for = null,
      wake_at = now()
    where r.id = run.id;
  select meshqueue.wake(run)
$$;
revoke execute on function meshqueue.hand_out_again(meshqueue.runs) from public, anon, authenticated;

-- Runs whose worker died become ready again; wake-ups that were lost are sent again; queue rows that a dead worker
-- held are deleted (the runs decide, not the queue).
create function meshqueue.rescue_runs(worker uuid, at_most integer default 100)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  rescued bigint := 0;
  woken bigint;
begin
  if meshqueue.may_rescue(worker) then
    perform meshqueue.hand_out_again(r) from meshqueue.orphaned_runs(at_most) r;
    get diagnostics rescued = row_count;
    perform meshqueue.drop_dead_wakeups();
  end if;
  perform meshqueue.drop_unread_wakeups();
  perform meshqueue.drop_pauses_of_nobody();
  perform meshqueue.hand_out_again(r) from meshqueue.forgotten_runs(at_most) r;
  get diagnostics woken = row_count;
  perform meshqueue.wake_probe();
  perform meshqueue.wake_publications(at_most);
  return jsonb_build_object('rescued', rescued, 'woken', woken);
end
$$;
revoke execute on function meshqueue.rescue_runs(uuid, integer) from public, anon, authenticated;

create function meshqueue.drop_dead_wakeups()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  delete from procrastinate.procrastinate_jobs q
  where q.status = 'doing' and not exists (
    select from procrastinate.procrastinate_workers w
    where w.id = q.worker_id and w.last_heartbeat > now() - interval '1 minute'
  )
$$;
revoke execute on function meshqueue.drop_dead_wakeups() from public, anon, authenticated;

-- What /readyz shows of the whole queue. Deliveries queue for processors: while some of a provider's are under way, its
-- others wait their turn, and a new worker is not called unready for that.
create function meshqueue.health()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'oldest_ready_seconds', (
      select coalesce(extract(epoch from now() - min(r.wake_at)), 0)::integer
      from meshqueue.runs r
      where r.state in ('ready', 'held') and r.wake_at < now()
        and (r.stage <> 'DELIVER' or not exists (
          select from meshqueue.live_runs() d
          where d.provider = r.provider and d.stage = 'DELIVER' and d.state = 'running'))),
    'runs', (
      select coalesce(jsonb_object_agg(s.state, s.n), '{}')
      from (select r.state, count(*) as n from meshqueue.live_runs() r group by r.state) s),
    'waiting', (
      select coalesce(jsonb_object_agg(w.pool, w.n), '{}')
      from (select x.pool, count(*) as n from meshqueue.waiting x group by x.pool) w),
    'workers', (select count(*) from meshqueue.workers w where meshqueue.worker_lives(w)),
    'paused', meshqueue.paused_providers(),
    'deliveries_paused', (
      select jsonb_build_object('reason', p.reason, 'since', p.since, 'detail', p.detail)
      from meshqueue.delivery_pause p))
$$;
revoke execute on function meshqueue.health() from public, anon, authenticated;
