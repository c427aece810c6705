-- Publishing and deleting. SQL decides and records the wish; the worker moves or removes the objects.

create function meshqueue.lock_asset(wanted uuid)
returns public.assets
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  asset public.assets;
  caller uuid := case when meshqueue.caller_is_client() then meshqueue.require_user() end;
begin
  select * into asset from public.assets a
    where a.id = wanted and (caller is null or a.user_id = caller) for no key update;
  if not found then
    raise sqlstate 'PT404' using message = 'no such asset', detail = 'asset_id',
      hint = 'It must be the id of an asset of yours.';
  end if;
  return asset;
end
$$;
revoke execute on function meshqueue.lock_asset(uuid) from public, anon, authenticated;

create function meshqueue.require_files(asset public.assets)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if not exists (select from meshqueue.files_to_show(asset.id)) then
    raise sqlstate 'PT409' using message = 'this asset has no stored files to publish', detail = asset.id::text,
      hint = 'Wait until its job has succeeded. What was made with store_assets false can''t be published.';
  end if;
end
$$;
revoke execute on function meshqueue.require_files(public.assets) from public, anon, authenticated;

create function meshqueue.want_public(wanted_asset uuid, is_wanted boolean)
returns setof public.assets
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  asset public.assets;
begin
  asset := meshqueue.lock_asset(wanted_asset);  -- a handler does not reach what fails in declare
  if is_wanted then
    perform meshqueue.require_files(asset);
  end if;
  perform meshqueue.wish_public(asset.id, is_wanted);
  return next asset;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.want_public(uuid, boolean) from public, anon;
grant execute on function meshqueue.want_public(uuid, boolean) to authenticated, service_role;

create function public.publish_template(asset_id uuid)
returns setof public.assets
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.want_public(asset_id, true)
$$;
revoke execute on function public.publish_template(uuid) from public, anon;
grant execute on function public.publish_template(uuid) to authenticated, service_role;

create function public.unpublish_template(asset_id uuid)
returns setof public.assets
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.want_public(asset_id, false)
$$;
revoke execute on function public.unpublish_template(uuid) from public, anon;
grant execute on function public.unpublish_template(uuid) to authenticated, service_role;

-- The rows go at once, the objects follow. Not while a job still works on it.
create function meshqueue.remove_asset(wanted uuid)
returns setof public.assets
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  asset public.assets;
  working uuid;
begin
  asset := meshqueue.lock_asset(wanted);
  perform from public.assets a where a.id = wanted for update;  -- waits for a job that is just being made for it
  select j.id into working from public.ai_jobs j
    where j.asset_id = wanted and j.status in ('QUEUED', 'IN_PROGRESS') limit 1;
  if found then
    raise sqlstate 'PT409' using message = 'a job is still working on this asset', detail = working::text,
      hint = 'Cancel the job in details, or wait for it to end.';
  end if;
  delete from public.assets a where a.id = wanted;
  perform meshqueue.enqueue('upkeep', 'remove_objects', '{}');
  return next asset;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.remove_asset(uuid) from public, anon;
grant execute on function meshqueue.remove_asset(uuid) to authenticated, service_role;

create function public.delete_asset(asset_id uuid)
returns setof public.assets
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.remove_asset(asset_id)
$$;
revoke execute on function public.delete_asset(uuid) from public, anon;
grant execute on function public.delete_asset(uuid) to authenticated, service_role;
