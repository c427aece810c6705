-- An asset is published by copying its files to the public bucket. The owner wishes; the worker copies; `is_public`,
-- the URLs and the copies' rows change together when the copies lie there. Whatever order the workers come in, only
-- what was done for the latest wish counts. Locks: the asset, then its publication, then objects.

-- A wake-up that nobody has taken yet finds what is wished by then: who changes their mind without end fills no queue.
create function meshqueue.publication_is_woken(asset uuid)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from procrastinate.procrastinate_jobs q
    where q.status = 'todo' and q.queue_name = 'upkeep' and q.task_name = 'publish_asset'
      and q.args ->> 'asset_id' = asset::text and coalesce(q.scheduled_at <= now(), true))
$$;
revoke execute on function meshqueue.publication_is_woken(uuid) from public, anon, authenticated;

-- `again`: something else is to be shown than when it was last wished.
create function meshqueue.wish_public(asset uuid, is_wanted boolean, again boolean default false)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.publications as p (asset_id, wanted) values (asset, is_wanted)
    on conflict (asset_id) do update
      set wanted = excluded.wanted, version = p.version + 1, tries = 0, due_at = now(), since = now()
      where p.wanted <> excluded.wanted or again;
  if found and not meshqueue.publication_is_woken(asset) then
    perform meshqueue.wake_publication(asset);
  end if;
end
$$;
revoke execute on function meshqueue.wish_public(uuid, boolean, boolean) from public, anon, authenticated;

create function meshqueue.wake_publication(asset uuid, at timestamptz default null)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.enqueue('upkeep', 'publish_asset', jsonb_build_object('asset_id', asset), at)
$$;
revoke execute on function meshqueue.wake_publication(uuid, timestamptz) from public, anon, authenticated;

-- After a delivery: it may be the first wish of this asset, or bring new files to what is public or about to change.
create function meshqueue.republish(asset uuid, to_be_public boolean)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.wish_public(a.id, to_be_public or p.wanted, true)
  from public.assets a left join meshqueue.publications p on p.asset_id = a.id
  where a.id = asset and (to_be_public or p.wanted or p.done_version < p.version)
$$;
revoke execute on function meshqueue.republish(uuid, boolean) from public, anon, authenticated;

-- What others may see of it: all but originals. Newest first, so that the first of a role is what its URL shows.
create function meshqueue.files_to_show(asset uuid)
returns setof public.asset_files
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select f.*
  from public.asset_files f
  where f.asset_id = asset and f.bucket <> 'templates' and f.role <> 'original'
  order by f.created_at desc, f.role, f.position, f.format
$$;
revoke execute on function meshqueue.files_to_show(uuid) from public, anon, authenticated;

create function meshqueue.lock_publication(wanted_asset uuid)
returns setof meshqueue.publications
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from public.assets a where a.id = wanted_asset for no key update;
  return query select p.* from meshqueue.publications p where p.asset_id = wanted_asset for no key update;
end
$$;
revoke execute on function meshqueue.lock_publication(uuid) from public, anon, authenticated;

-- Copies lie at the same path of the public bucket; null where one of them is just being removed.
create function meshqueue.intend_copies(asset uuid)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  planned constant jsonb := (
    select coalesce(jsonb_agg(jsonb_build_object('bucket', 'templates', 'path', f.path)), '[]')
    from meshqueue.files_to_show(asset) f);
begin
  if not meshqueue.keep_objects(planned) then
    return null;
  end if;
  insert into meshqueue.copies (bucket, path, asset_id)
    select distinct c.bucket, c.path, asset from jsonb_to_recordset(planned) as c (bucket text, path text)
    on conflict do nothing;
  return planned;
end
$$;
revoke execute on function meshqueue.intend_copies(uuid) from public, anon, authenticated;

create function meshqueue.publication_json(wish meshqueue.publications, copies jsonb)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_build_object('wanted', wish.wanted, 'version', wish.version, 'asset', a.id, 'user_id', a.user_id,
    'copies', copies, 'files', (
      select coalesce(jsonb_agg(jsonb_build_object('bucket', f.bucket, 'path', f.path, 'role', f.role,
        'format', f.format, 'content_type', f.content_type)), '[]')
      from meshqueue.files_to_show(a.id) f))
  from public.assets a
  where a.id = wish.asset_id
$$;
revoke execute on function meshqueue.publication_json(meshqueue.publications, jsonb) from public, anon, authenticated;

-- Null where nothing is to be done now. Else what to do: where `wanted`, each of `files` is copied to the place with
-- the same number in `copies`; in both cases `finish_publication` gets the URLs of the first file of each role, public
-- or authenticated. Who does not finish is followed by another after 2, 4, 8 … minutes.
create function meshqueue.begin_publication(worker uuid, asset_id uuid)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  wish meshqueue.publications;
  copies jsonb := '[]';
begin
  select * into wish from meshqueue.lock_publication(asset_id);
  if wish.version is null or wish.done_version = wish.version or wish.due_at > now() then
    return null;
  end if;
  if wish.wanted then
    copies := meshqueue.intend_copies(wish.asset_id);
  end if;
  update meshqueue.publications p
    set tries = p.tries + case when copies is null then 0 else 1 end,
      due_at = now() + case when copies is null then interval '5 seconds'
        else meshqueue.later_and_later(p.tries + 1, interval '2 minutes', interval '1 hour') end
    where p.asset_id = wish.asset_id;
  if copies is null then
    perform meshqueue.wake_publication(wish.asset_id, now() + interval '5 seconds');
    return null;
  end if;
  return meshqueue.publication_json(wish, copies);
end
$$;
revoke execute on function meshqueue.begin_publication(uuid, uuid) from public, anon, authenticated;

-- Copies that are rows already, from an earlier version, stay.
create function meshqueue.add_copies(asset uuid)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into public.asset_files (asset_id, role, format, position, bucket, path, bytes, sha256, content_type,
    triangles, width, height)
  select f.asset_id, f.role, f.format, f.position, 'templates', f.path, f.bytes, f.sha256, f.content_type,
    f.triangles, f.width, f.height
  from meshqueue.files_to_show(asset) f
  where not exists (
    select from public.asset_files t
    where t.asset_id = asset and t.bucket = 'templates'
      and (t.role, t.format, t.position, t.path) = (f.role, f.format, f.position, f.path))
$$;
revoke execute on function meshqueue.add_copies(uuid) from public, anon, authenticated;

-- An URL that is not given is empty afterwards: none may be left that leads nowhere.
create function meshqueue.show_asset(asset uuid, to_everybody boolean, urls jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.assets a
  set is_public = to_everybody, mesh_url = urls ->> 'mesh_url', texture_url = urls ->> 'texture_url',
    pbr_metallic_url = urls ->> 'pbr_metallic_url', pbr_roughness_url = urls ->> 'pbr_roughness_url',
    pbr_normal_url = urls ->> 'pbr_normal_url', pbr_emission_url = urls ->> 'pbr_emission_url',
    thumbnail_url = urls ->> 'thumbnail_url', updated_at = now()
  where a.id = asset
$$;
revoke execute on function meshqueue.show_asset(uuid, boolean, jsonb) from public, anon, authenticated;

-- `copies`: those that lie there. 'gone': the asset was deleted. 'outdated': another wish came since, and wakes a
-- worker of its own. 'incomplete': a file has no copy; it is tried again.
create function meshqueue.finish_publication(asset_id uuid, version bigint, urls jsonb, copies jsonb)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  wish meshqueue.publications;
begin
  select * into wish from meshqueue.lock_publication(asset_id);
  if wish.version is null then
    return jsonb_build_object('outcome', 'gone');
  elsif wish.version <> finish_publication.version then
    return jsonb_build_object('outcome', 'outdated');
  elsif wish.done_version = wish.version then
    return jsonb_build_object('outcome', 'ok');
  end if;
  if not wish.wanted then
    delete from public.asset_files f where f.asset_id = wish.asset_id and f.bucket = 'templates';
  elsif exists (
    select from meshqueue.files_to_show(wish.asset_id) f
    where not exists (
      select from jsonb_to_recordset(copies) as c (bucket text, path text)
      where c.bucket = 'templates' and c.path = f.path)
  ) then
    return jsonb_build_object('outcome', 'incomplete');
  else
    perform meshqueue.add_copies(wish.asset_id);
  end if;
  delete from meshqueue.copies c where c.asset_id = wish.asset_id;
  perform meshqueue.show_asset(wish.asset_id, wish.wanted, urls);
  update meshqueue.publications p set done_version = p.version, tries = 0 where p.asset_id = wish.asset_id;
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.finish_publication(uuid, bigint, jsonb, jsonb) from public, anon, authenticated;

-- Wishes whose wake-up was lost, or whose worker did not finish.
create function meshqueue.wake_publications(at_most integer)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.wake_publication(late.asset_id)
  from (
    select p.asset_id from meshqueue.publications p
    where p.done_version < p.version and p.due_at < now() - interval '10 seconds'
      and not exists (
        select from procrastinate.procrastinate_jobs q
        where q.status = 'todo' and q.task_name = 'publish_asset' and q.args ->> 'asset_id' = p.asset_id::text)
    order by p.due_at limit at_most
  ) late
$$;
revoke execute on function meshqueue.wake_publications(integer) from public, anon, authenticated;
