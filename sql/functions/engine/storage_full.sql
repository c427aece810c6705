-- Storage that takes nothing more pauses deliveries: nothing that was paid for fails meanwhile.

create function meshqueue.deliveries_paused()
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from meshqueue.delivery_pause)
$$;
revoke execute on function meshqueue.deliveries_paused() from public, anon, authenticated;

-- The run that met it is held by wait_stage, as for any other reason.
create function meshqueue.pause_deliveries(worker uuid, reason text, detail jsonb default '{}')
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  insert into meshqueue.delivery_pause (reason, detail, paused_by, probe_at)
    values (pause_deliveries.reason, pause_deliveries.detail, worker, now() + interval '5 minutes')
    on conflict do nothing;
  if found then
    perform meshqueue.report_incident('deliveries_paused', null, null,
      jsonb_build_object('reason', reason) || detail);
  end if;
  return found;
end
$$;
revoke execute on function meshqueue.pause_deliveries(uuid, text, jsonb) from public, anon, authenticated;

-- One delivery every five minutes tries whether the storage has room again.
create function meshqueue.may_deliver()
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not meshqueue.deliveries_paused() then
    return true;
  end if;
  update meshqueue.delivery_pause p set probe_at = now() + interval '5 minutes' where p.probe_at <= now();
  return found or not meshqueue.deliveries_paused();
end
$$;
revoke execute on function meshqueue.may_deliver() from public, anon, authenticated;

-- The one that was begun least is the next to try: a delivery that fails before it stores anything tells nothing of the
-- storage, and must not take every turn.
create function meshqueue.wake_probe()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.hand_out_again(r)
  from (
    select h.* from meshqueue.runs h
    where h.state = 'held' and h.held_for = 'storage_full' and h.wake_at is null
      and exists (select from meshqueue.delivery_pause p where p.probe_at <= now())
    order by h.attempt, h.id limit 1 for no key update skip locked
  ) r
$$;
revoke execute on function meshqueue.wake_probe() from public, anon, authenticated;

-- Time under the pause does not count. No job is skipped: one that missed it would expire at once.
create function meshqueue.stretch_deliveries(paused_since timestamptz)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.ai_jobs j
  set deadline_at = j.deadline_at + (now() - greatest(paused_since, waiting.delivering_since))
  from (
    select k.id, r.created_at as delivering_since
    from public.ai_jobs k join meshqueue.runs r on r.job_id = k.id and r.stage = 'DELIVER'
    where k.status in ('QUEUED', 'IN_PROGRESS') and k.stage = 'DELIVER'
    order by k.id for no key update of k
  ) waiting
  where j.id = waiting.id
$$;
revoke execute on function meshqueue.stretch_deliveries(timestamptz) from public, anon, authenticated;

-- Jobs are locked before the pause, as whoever begins a delivery does.
create function meshqueue.resume_deliveries()
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  pause meshqueue.delivery_pause;
begin
  perform pg_advisory_xact_lock(hashtextextended('meshqueue resume deliveries', 0));
  select * into pause from meshqueue.delivery_pause;
  if not found then
    return false;
  end if;
  perform meshqueue.stretch_deliveries(pause.since);
  delete from meshqueue.delivery_pause;
  perform meshqueue.report_incident('deliveries_resumed', null, null, jsonb_build_object('reason', pause.reason));
  perform meshqueue.hand_out_again(r)
    from (
      select h.* from meshqueue.runs h
      where h.state = 'held' and h.held_for = 'storage_full'
      order by h.id for no key update skip locked
    ) r;
  return true;
end
$$;
revoke execute on function meshqueue.resume_deliveries() from public, anon, authenticated;
