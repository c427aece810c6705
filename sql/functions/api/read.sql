-- What a client asks for.

-- An upper bound: with its user's k-th job, k - 1 whole rounds and the rest of this one come before it.
create function meshqueue.queue_position(of_job uuid)
returns bigint
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select
    (select count(*) from meshqueue.waiting o
      where o.pool = w.pool and o.tier = w.tier and o.user_id = w.user_id and o.seq < w.seq)
      * (select count(*) from meshqueue.ring g where g.pool = w.pool and g.tier = w.tier)
    + (select count(*) from meshqueue.ring g
      where g.pool = w.pool and g.tier = w.tier and g.position <= mine.position)
    + (select count(*) from meshqueue.waiting c where c.pool = w.pool and c.tier < w.tier)
  from meshqueue.waiting w
  join meshqueue.ring mine on mine.pool = w.pool and mine.tier = w.tier and mine.user_id = w.user_id
  where w.job_id = of_job
$$;
revoke execute on function meshqueue.queue_position(uuid) from public, anon, authenticated;

create function meshqueue.read_job(wanted uuid)
returns jsonb
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  job public.ai_jobs;
  caller uuid := case when meshqueue.caller_is_client() then meshqueue.require_user() end;
begin
  select * into job from public.ai_jobs j where j.id = wanted and (caller is null or j.user_id = caller);
  if not found then
    perform meshqueue.raise_no_such_job('job_id');
  end if;
  if caller is not null then
    perform meshqueue.count_rate(caller, 'poll', 'rate_poll_per_minute');
  end if;
  return jsonb_build_object(
    'job', to_jsonb(job),
    'events', (select coalesce(jsonb_agg(to_jsonb(e) order by e.id), '[]') from public.ai_job_events e where e.job_id = wanted),
    'files', (select coalesce(jsonb_agg(to_jsonb(f) order by f.role, f.position), '[]') from public.asset_files f
      where f.job_id = wanted),
    'queue_position', meshqueue.queue_position(wanted));
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.read_job(uuid) from public, anon;
grant execute on function meshqueue.read_job(uuid) to authenticated, service_role;

-- Volatile: it counts against rate_poll_per_minute.
create function public.get_ai_job(job_id uuid)
returns jsonb
language sql volatile
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.read_job(job_id)
$$;
revoke execute on function public.get_ai_job(uuid) from public, anon;
grant execute on function public.get_ai_job(uuid) to authenticated, service_role;

-- Invoker: row level security decides what is in it.
create function public.get_credits(ledger_limit integer default 20)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object(
    'balance', coalesce(a.balance, 0), 'reserved', coalesce(a.reserved, 0),
    'available', coalesce(a.balance - a.reserved, 0),
    'ledger', coalesce((
      select jsonb_agg(to_jsonb(l) order by l.id desc)
      from (
        select * from public.credit_ledger c where c.user_id = caller.id
        order by c.id desc limit least(greatest(ledger_limit, 0), 500)
      ) l), '[]'))
  from (select meshqueue.require_user() as id) caller
  left join public.credit_accounts a on a.user_id = caller.id
$$;
revoke execute on function public.get_credits(integer) from public, anon;
grant execute on function public.get_credits(integer) to authenticated, service_role;

create function meshqueue.public_settings()
returns jsonb
language sql stable security definer
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_object_agg(s.key, case
      when s.value ~ '^[0-9]{1,9}$' then to_jsonb(s.value::integer)
      when s.value in ('true', 'false') then to_jsonb(s.value::boolean)
      else to_jsonb(s.value) end) filter (where s.is_public), '{}')
    || jsonb_build_object(
      'formats', '["glb", "fbx", "obj", "usdz", "stl", "3mf"]'::jsonb,
      'polycount', '{"min": 100, "max": 300000}'::jsonb,
      'prompt_max_characters', 600,
      'images_max', 4,
      'worker_last_seen', (select max(w.seen_at) from meshqueue.workers w),
      'providers', (
        select jsonb_object_agg(p, jsonb_build_object(
          'configured', meshqueue.provider_configured(p), 'paused', meshqueue.provider_paused(p)))
        from unnest('{MESHY,TRIPO}'::public.provider_type[]) p))
  from public.app_settings s
$$;
revoke execute on function meshqueue.public_settings() from public;
grant execute on function meshqueue.public_settings() to anon, authenticated, service_role;

create function public.get_public_settings()
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.public_settings()
$$;
revoke execute on function public.get_public_settings() from public;
grant execute on function public.get_public_settings() to anon, authenticated, service_role;

-- Invoker: row level security decides which files the caller may read.
create function public.get_asset_files(asset_id uuid)
returns setof public.asset_files
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select f.* from public.asset_files f where f.asset_id = get_asset_files.asset_id order by f.role, f.position, f.format
$$;
revoke execute on function public.get_asset_files(uuid) from public;
grant execute on function public.get_asset_files(uuid) to anon, authenticated, service_role;
