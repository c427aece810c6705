-- The last stage: files, asset, job and ledger change together, or not at all.

create function meshqueue.begin_delivery(job_id uuid, worker uuid)
returns jsonb
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.begin_stage(job_id, 'DELIVER', worker)
$$;
revoke execute on function meshqueue.begin_delivery(uuid, uuid) from public, anon, authenticated;

create function meshqueue.check_files(owner uuid, files jsonb)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  stray text;
begin
  select f ->> 'path' into stray from jsonb_array_elements(files) f
    where f ->> 'bucket' is null or f ->> 'path' ~ '(^|/)[.][.](/|$)'
      or not coalesce(starts_with(f ->> 'path', owner || '/'), false)
    limit 1;
  if found then
    raise check_violation using
      message = format('a file of user %s may not lie at %s', owner, coalesce(stray, 'no path')),
      hint = 'Every path begins with the id of the job''s user, and every file names its bucket.';
  end if;
end
$$;
revoke execute on function meshqueue.check_files(uuid, jsonb) from public, anon, authenticated;

create function meshqueue.add_files(job public.ai_jobs, files jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  delete from meshqueue.removals m
    using jsonb_to_recordset(files) as f (bucket text, path text)
    where m.bucket = f.bucket and m.path = f.path;
  insert into public.asset_files (asset_id, job_id, role, format, position, bucket, path, bytes, sha256, content_type,
    triangles, width, height)
  select job.asset_id, job.id, f.role, f.format, coalesce(f.position, 0), f.bucket, f.path, f.bytes, f.sha256,
    f.content_type, f.triangles, f.width, f.height
  from jsonb_to_recordset(files) as f (role text, format text, position smallint, bucket text, path text,
    bytes bigint, sha256 text, content_type text, triangles bigint, width integer, height integer)
$$;
revoke execute on function meshqueue.add_files(public.ai_jobs, jsonb) from public, anon, authenticated;

create function meshqueue.point_asset(asset uuid, job_id uuid, urls jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.assets a
  set source_job_id = point_asset.job_id,
    mesh_url = coalesce(urls ->> 'mesh_url', a.mesh_url),
    texture_url = coalesce(urls ->> 'texture_url', a.texture_url),
    pbr_metallic_url = coalesce(urls ->> 'pbr_metallic_url', a.pbr_metallic_url),
    pbr_roughness_url = coalesce(urls ->> 'pbr_roughness_url', a.pbr_roughness_url),
    pbr_normal_url = coalesce(urls ->> 'pbr_normal_url', a.pbr_normal_url),
    pbr_emission_url = coalesce(urls ->> 'pbr_emission_url', a.pbr_emission_url),
    thumbnail_url = coalesce(urls ->> 'thumbnail_url', a.thumbnail_url),
    updated_at = now()
  where a.id = asset
$$;
revoke execute on function meshqueue.point_asset(uuid, uuid, jsonb) from public, anon, authenticated;

-- What a client is told of the result. `missing`: stages that failed while the best model was delivered.
create function meshqueue.result_of(job public.ai_jobs, report jsonb)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(report, '{}') || jsonb_strip_nulls(jsonb_build_object(
    'files', (
      select jsonb_agg(jsonb_build_object('role', f.role, 'format', f.format, 'bucket', f.bucket, 'path', f.path,
        'bytes', f.bytes) order by f.role, f.position, f.format)
      from public.asset_files f where f.job_id = job.id),
    'seconds', (
      select jsonb_object_agg(r.stage, extract(epoch from r.ended_at - r.begun_at)::integer)
      from meshqueue.runs r where r.job_id = job.id and r.state = 'done'),
    'provider_credits', (
      select sum(s.provider_credits) from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
      where r.job_id = job.id),
    'missing', (
      select jsonb_agg(st) from unnest(job.stages) st
      where not exists (select from meshqueue.runs r where r.job_id = job.id and r.stage = st and r.state = 'done'))))
$$;
revoke execute on function meshqueue.result_of(public.ai_jobs, jsonb) from public, anon, authenticated;

-- A job that was canceled first gets no rows; its objects are listed for removal.
create function meshqueue.finish_delivery(
  run bigint, attempt integer, worker uuid, files jsonb, report jsonb default '{}', urls jsonb default '{}'
)
returns jsonb
language plpgsql
set search_path = pg_catalog, pg_temp
set lock_timeout = '5s'
as $$
declare
  held record;
begin
  perform meshqueue.check_files(r.user_id, files) from meshqueue.runs r where r.id = run;
  held := meshqueue.hold_run(run, attempt, worker, true);
  if held.outcome <> 'ok' then
    if (held.run).ended_at is not null then
      perform meshqueue.remove_objects(files);
    end if;
    return jsonb_build_object('outcome', 'fenced');
  end if;
  perform meshqueue.add_files(held.job, files);
  perform meshqueue.point_asset((held.job).asset_id, (held.job).id, urls);
  update meshqueue.runs r set state = 'done', worker_id = null, progress = 100, ended_at = now()
    where r.id = finish_delivery.run;
  update public.ai_jobs j set status = 'SUCCEEDED', result_payload = meshqueue.result_of(j, report)
    where j.id = (held.job).id;
  if (held.job).request_payload -> 'public' = 'true' and (held.job).asset_id is not null then
    perform meshqueue.wish_public((held.job).asset_id, true);
  end if;
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.finish_delivery(bigint, integer, uuid, jsonb, jsonb, jsonb)
  from public, anon, authenticated;

-- is_public and the URLs change when the worker has made the copy, or removed it.
create function meshqueue.wish_public(asset uuid, is_wanted boolean)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.publications as p (asset_id, wanted) values (asset, is_wanted)
    on conflict (asset_id) do update set wanted = excluded.wanted, since = now() where p.wanted <> excluded.wanted;
  if found then
    perform meshqueue.enqueue('upkeep', 'publish_asset', jsonb_build_object('asset_id', asset));
  end if;
end
$$;
revoke execute on function meshqueue.wish_public(uuid, boolean) from public, anon, authenticated;

create function meshqueue.remove_objects(files jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into meshqueue.removals (bucket, path)
  select f.bucket, f.path from jsonb_to_recordset(files) as f (bucket text, path text)
  where not exists (select from public.asset_files a where a.bucket = f.bucket and a.path = f.path)
  on conflict do nothing
$$;
revoke execute on function meshqueue.remove_objects(jsonb) from public, anon, authenticated;

-- A file's row goes, for whatever reason: its object follows, unless another row still names it.
create function meshqueue.file_removed()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into meshqueue.removals (bucket, path)
    select old.bucket, old.path
    where not exists (
      select from public.asset_files f where f.bucket = old.bucket and f.path = old.path and f.id <> old.id)
    on conflict do nothing;
  return null;
end
$$;
revoke execute on function meshqueue.file_removed() from public, anon, authenticated;

create trigger asset_files_removed after delete on public.asset_files
  for each row execute function meshqueue.file_removed();

create function meshqueue.asset_touched()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if char_length(new.title) > 200 then
    raise sqlstate 'PT400' using message = 'title must have at most 200 characters', detail = 'title',
      hint = 'Shorten it.';
  elsif char_length(new.description) > 2000 then
    raise sqlstate 'PT400' using message = 'description must have at most 2000 characters', detail = 'description',
      hint = 'Shorten it.';
  end if;
  new.updated_at := now();
  return new;
end
$$;
revoke execute on function meshqueue.asset_touched() from public, anon, authenticated;

create trigger assets_touched before update of title, description on public.assets
  for each row execute function meshqueue.asset_touched();
