-- Progress of the whole job, told sparingly: a row's update goes through Realtime to every device.

create function meshqueue.weight(stage public.job_stage)
returns integer
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case stage when 'DELIVER' then 5 when 'REMESH' then 10 when 'RIG' then 10 when 'CONCEPT' then 10 else 40 end
$$;
revoke execute on function meshqueue.weight(public.job_stage) from public, anon, authenticated;

create function meshqueue.whole_progress(job public.ai_jobs, at_stage public.job_stage, percent integer)
returns smallint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select least(99, (
    100 * coalesce(sum(meshqueue.weight(st)) filter (where place < array_position(job.stages, at_stage)), 0)
    + coalesce(percent, 0) * meshqueue.weight(at_stage)) / sum(meshqueue.weight(st)))::smallint
  from unnest(job.stages) with ordinality as s (st, place)
$$;
revoke execute on function meshqueue.whole_progress(public.ai_jobs, public.job_stage, integer)
  from public, anon, authenticated;

-- Those of these runs that are the worker's move on; `heard` has waited a second, `gone` is the worker's no more.
-- "is not distinct from" keeps the planner from the index over workers, which it takes for selective: through it each
-- of 250 ticks was compared with all 2,000 runs of the worker, 280 ms against 5. And a plan that was kept from when
-- there were few runs took 100 ms: it is made anew each time, for 2 ms.
create function meshqueue.tick_runs(
  worker uuid, run_ids bigint[], attempts integer[], percents integer[], out heard bigint[], out gone bigint[]
)
language plpgsql
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_custom_plan
as $$
begin
  with ticked as (
    update meshqueue.runs r
    set progress = t.reached,
      sent_at = case when t.heard then now() else r.sent_at end,
      sent_progress = case when t.heard then t.reached else r.sent_progress end
    from (
      select l.id, p.reached,
        p.reached > coalesce(l.sent_progress, 0) and coalesce(l.sent_at <= now() - interval '1 second', true) as heard
      from meshqueue.runs l join unnest(run_ids, attempts, percents) g (id, attempt, percent)
        on g.id = l.id and g.attempt = l.attempt,
        greatest(l.progress, least(100, greatest(0, g.percent))) p (reached)
      where l.worker_id is not distinct from worker and l.state = 'running'
      order by l.id for no key update of l skip locked
    ) t
    where r.id = t.id and (t.reached > r.progress or t.heard)
    returning r.id, t.heard
  )
  select array_agg(k.id) into heard from ticked k where k.heard;
  select array_agg(g.id) into gone from unnest(run_ids, attempts) g (id, attempt)
    where not exists (
      select from meshqueue.runs r
      where r.id = g.id and r.attempt = g.attempt and r.worker_id is not distinct from worker
        and r.state = 'running'
    );
end
$$;
revoke execute on function meshqueue.tick_runs(uuid, bigint[], integer[], integer[]) from public, anon, authenticated;

-- One batched call a second and process. Answers with the runs that are the caller's no more. The job's row changes
-- at most every 5 s; in between only the private topic hears of it, at most once a second. What was held back is told
-- with a later tick, even one that says the same. Waits for no lock: a missed tick is no loss.
create function meshqueue.record_progress(worker uuid, run_ids bigint[], attempts integer[], percents integer[])
returns table (run bigint)
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  ticked record;
begin
  ticked := meshqueue.tick_runs(worker, run_ids, attempts, percents);
  perform meshqueue.show_progress(run_ids);
  perform meshqueue.send_progress(ticked.heard);
  return query select unnest(ticked.gone);
end
$$;
revoke execute on function meshqueue.record_progress(uuid, bigint[], integer[], integer[])
  from public, anon, authenticated;

create function meshqueue.show_progress(run_ids bigint[])
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  with shown as (
    update public.ai_jobs j set progress = t.whole
    from (
      select k.id, r.id as run, meshqueue.whole_progress(k, r.stage, r.progress) as whole
      from meshqueue.runs r join public.ai_jobs k on k.id = r.job_id and k.status = 'IN_PROGRESS'
      where r.id = any (run_ids) and r.state = 'running'
        and (r.told_at is null or r.told_at < now() - interval '5 seconds')
        and meshqueue.whole_progress(k, r.stage, r.progress) > k.progress
      order by k.id for no key update of k skip locked
    ) t
    where j.id = t.id
    returning t.run
  )
  update meshqueue.runs r set told_at = now() from shown where r.id = shown.run
$$;
revoke execute on function meshqueue.show_progress(bigint[]) from public, anon, authenticated;

create function meshqueue.send_progress(run_ids bigint[])
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.broadcast(r.user_id, 'progress', jsonb_build_object(
    'job_id', r.job_id, 'stage', r.stage, 'stage_progress', r.progress,
    'progress', meshqueue.whole_progress(j, r.stage, r.progress)))
  from meshqueue.runs r join public.ai_jobs j on j.id = r.job_id
  where r.id = any (run_ids)
$$;
revoke execute on function meshqueue.send_progress(bigint[]) from public, anon, authenticated;
