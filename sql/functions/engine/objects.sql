-- Objects in the storage, which no transaction reaches. Three promises: no row without its object, no object for ever
-- without a row, and whatever dies on the way leaves a note of what may lie there.
--
--   a delivery:     intend ──▶ upload ──▶ finish (the row takes the intent's place)
--   a publication:  begin ───▶ copy ────▶ finish (likewise, see publishing.sql)
--   a removal:      whatever goes, a row, an intent, a copy, lists its object ──▶ claim ──▶ delete ──▶ removed
--
-- An object's advisory lock lets a claim and an intent happen only one after the other. A claim finds the intent and
-- drops the removal; an intent finds the claim and is told to wait. Listing takes no lock: the claim looks again.
-- What no lock reaches is bounded by time: who uploads does so within 15 minutes of its intent, who deletes within
-- 5 of its claim, which holds for 10.

create function meshqueue.object_key(bucket text, path text)
returns bigint
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select hashtextextended('meshqueue object ' || bucket || '/' || path, 0)
$$;
revoke execute on function meshqueue.object_key(text, text) from public, anon, authenticated;

-- A row, an intent or a copy names it. One statement: what turns from an intent into a row is seen as one of them.
create function meshqueue.object_needed(of_bucket text, of_path text)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (select from public.asset_files f where f.bucket = of_bucket and f.path = of_path)
    or exists (select from meshqueue.intents i where i.bucket = of_bucket and i.path = of_path)
    or exists (select from meshqueue.copies c where c.bucket = of_bucket and c.path = of_path)
$$;
revoke execute on function meshqueue.object_needed(text, text) from public, anon, authenticated;

-- False while one of them is being removed. To the end of the transaction nobody else decides about them. Locked by
-- key, so that two that want the same objects never wait for each other.
create function meshqueue.keep_objects(files jsonb)
returns boolean
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform pg_advisory_xact_lock(k.key)
    from (
      select distinct meshqueue.object_key(f.bucket, f.path) as key
      from jsonb_to_recordset(files) as f (bucket text, path text) order by 1
    ) k;
  return not exists (
    select from meshqueue.removals m join jsonb_to_recordset(files) as f (bucket text, path text) using (bucket, path)
    where m.claimed_until >= now());
end
$$;
revoke execute on function meshqueue.keep_objects(jsonb) from public, anon, authenticated;

-- Before the first byte is uploaded. 'busy': one of them is being removed right now; ask again in seconds.
create function meshqueue.intend_objects(run bigint, attempt integer, worker uuid, files jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  held record;
begin
  perform meshqueue.check_files(r.user_id, files) from meshqueue.runs r where r.id = run;
  held := meshqueue.hold_run(run, attempt, worker, false);
  if held.outcome <> 'ok' then
    return jsonb_build_object('outcome', 'fenced');
  elsif not meshqueue.keep_objects(files) then
    return jsonb_build_object('outcome', 'busy');
  end if;
  insert into meshqueue.intents (bucket, path, run_id)
    select distinct f.bucket, f.path, run from jsonb_to_recordset(files) as f (bucket text, path text)
    on conflict do nothing;
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.intend_objects(bigint, integer, uuid, jsonb) from public, anon, authenticated;

-- Somebody who was thought dead may still upload it for a while.
create function meshqueue.list_removal(in_bucket text, at_path text, due timestamptz)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into meshqueue.removals as m (bucket, path, due_at) values (in_bucket, at_path, greatest(due, now()))
  on conflict (bucket, path) do update set due_at = greatest(m.due_at, excluded.due_at)
$$;
revoke execute on function meshqueue.list_removal(text, text, timestamptz) from public, anon, authenticated;

-- What was uploaded for a job that is over.
create function meshqueue.remove_objects(files jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.list_removal(f.bucket, f.path, now() + interval '15 minutes')
  from jsonb_to_recordset(files) as f (bucket text, path text)
  where not exists (select from public.asset_files a where a.bucket = f.bucket and a.path = f.path)
$$;
revoke execute on function meshqueue.remove_objects(jsonb) from public, anon, authenticated;

-- A file's row goes, for whatever reason: its object follows. Listed even where another row names it: of two rows
-- that go at the same time, each would leave it to the other.
create function meshqueue.file_removed()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.list_removal(old.bucket, old.path, old.created_at + interval '15 minutes');
  return null;
end
$$;
revoke execute on function meshqueue.file_removed() from public, anon, authenticated;

create trigger asset_files_removed after delete on public.asset_files
  for each row execute function meshqueue.file_removed();

-- An intent or a copy goes: unless a row has taken its place, the object may lie there, or may still come.
create function meshqueue.intent_dropped()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.remove_objects(jsonb_build_array(jsonb_build_object('bucket', old.bucket, 'path', old.path)));
  return null;
end
$$;
revoke execute on function meshqueue.intent_dropped() from public, anon, authenticated;

create trigger intents_dropped after delete on meshqueue.intents
  for each row execute function meshqueue.intent_dropped();
create trigger copies_dropped after delete on meshqueue.copies
  for each row execute function meshqueue.intent_dropped();

-- Those that are due and that nobody else decides about at this moment; their rows and objects are locked.
create function meshqueue.due_removals(at_most integer)
returns jsonb
language sql
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(jsonb_build_object('bucket', d.bucket, 'path', d.path)), '[]')
  from (
    select m.bucket, m.path
    from meshqueue.removals m
    where m.due_at <= now() and (m.claimed_until is null or m.claimed_until < now())
    order by m.due_at limit least(greatest(at_most, 0), 100) for update skip locked
  ) d
  where pg_try_advisory_xact_lock(meshqueue.object_key(d.bucket, d.path))
$$;
revoke execute on function meshqueue.due_removals(integer) from public, anon, authenticated;

-- For ten minutes nobody else gets these, and nobody may upload them. What is needed after all is off the list.
create function meshqueue.claim_removals(worker uuid, at_most integer default 100)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  due constant jsonb := meshqueue.due_removals(at_most);
  claimed jsonb;
begin
  delete from meshqueue.removals m
    using jsonb_to_recordset(due) as d (bucket text, path text)
    where m.bucket = d.bucket and m.path = d.path and meshqueue.object_needed(m.bucket, m.path);
  with mine as (
    update meshqueue.removals m
      set claimed_by = worker, claimed_until = now() + interval '10 minutes', tries = m.tries + 1
      from jsonb_to_recordset(due) as d (bucket text, path text)
      where m.bucket = d.bucket and m.path = d.path
      returning m.bucket, m.path
  )
  select coalesce(jsonb_agg(to_jsonb(mine)), '[]') into claimed from mine;
  return claimed;
end
$$;
revoke execute on function meshqueue.claim_removals(uuid, integer) from public, anon, authenticated;

-- Those of these that this worker has claimed, locked. One that is just being listed anew is passed over: who lists
-- many waits for their rows in any order.
create function meshqueue.claimed_removals(worker uuid, files jsonb)
returns setof meshqueue.removals
language sql
set search_path = pg_catalog, pg_temp
as $$
  select m.*
  from meshqueue.removals m join jsonb_to_recordset(files) as f (bucket text, path text) using (bucket, path)
  where m.claimed_by = worker
  for update of m skip locked
$$;
revoke execute on function meshqueue.claimed_removals(uuid, jsonb) from public, anon, authenticated;

-- How many reports were not heard.
create function meshqueue.claims_left(worker uuid, files jsonb)
returns integer
language sql
set search_path = pg_catalog, pg_temp
as $$
  select count(*)::integer
  from meshqueue.removals m join jsonb_to_recordset(files) as f (bucket text, path text) using (bucket, path)
  where m.claimed_by = worker
$$;
revoke execute on function meshqueue.claims_left(uuid, jsonb) from public, anon, authenticated;

-- They are gone. One that was listed anew since it was claimed is looked at once more when that is due. Answers with
-- the number of those that were passed over: until they are told again, their claim bars their paths.
create function meshqueue.removed(worker uuid, files jsonb)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  with mine as (
    select c.* from meshqueue.claimed_removals(worker, files) c
  ), again as (
    update meshqueue.removals m set claimed_by = null, claimed_until = null, tries = 0
    from mine where m.bucket = mine.bucket and m.path = mine.path and mine.due_at > now()
  )
  delete from meshqueue.removals m
    using mine where m.bucket = mine.bucket and m.path = mine.path and mine.due_at <= now();
  return meshqueue.claims_left(worker, files);
end
$$;
revoke execute on function meshqueue.removed(uuid, jsonb) from public, anon, authenticated;

-- They could not be removed: tried again after 1, 2, 4 … minutes, at last once a day. Answers as `removed` does.
create function meshqueue.not_removed(worker uuid, files jsonb, why text)
returns integer
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  update meshqueue.removals m
    set claimed_by = null, claimed_until = null, why = left(not_removed.why, 500),
      due_at = greatest(m.due_at, now() + meshqueue.later_and_later(m.tries, interval '1 minute', interval '1 day'))
    from meshqueue.claimed_removals(worker, files) c
    where m.bucket = c.bucket and m.path = c.path;
  return meshqueue.claims_left(worker, files);
end
$$;
revoke execute on function meshqueue.not_removed(uuid, jsonb, text) from public, anon, authenticated;

create function meshqueue.later_and_later(tries integer, first_pause interval, longest interval)
returns interval
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select least(first_pause * 2 ^ least(greatest(tries - 1, 0), 20), longest)
$$;
revoke execute on function meshqueue.later_and_later(integer, interval, interval) from public, anon, authenticated;

-- Distinct objects that rows name, by user and (user_id null) in all: for operators.
create view meshqueue.stored_bytes with (security_invoker = true) as
  select o.user_id, count(*) as objects, sum(o.bytes)::bigint as bytes
  from (
    select split_part(f.path, '/', 1)::uuid as user_id, max(f.bytes) as bytes
    from public.asset_files f group by f.bucket, f.path
  ) o
  group by rollup (o.user_id);
revoke all on meshqueue.stored_bytes from public, anon, authenticated, service_role;
