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
  insert into public.asset_files (asset_id, job_id, role, format, position, bucket, path, bytes, sha256, content_type,
    triangles, width, height)
  select job.asset_id, job.id, f.role, f.format, coalesce(f.position, 0), f.bucket, f.path, f.bytes, f.sha256,
    f.content_type, f.triangles, f.width, f.height
  from jsonb_to_recordset(files) as f (role text, format text, position smallint, bucket text, path text,
    bytes bigint, sha256 text, content_type text, triangles bigint, width integer, height integer)
$$;
revoke execute on function meshqueue.add_files(public.ai_jobs, jsonb) from public, anon, authenticated;

-- A public asset keeps its public URLs; its publication, which follows, brings the new ones.
create function meshqueue.new_url(asset public.assets, urls jsonb, kind text)
returns text
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select case when asset.is_public then to_jsonb(asset) ->> kind
    else coalesce(urls ->> kind, to_jsonb(asset) ->> kind) end
$$;
revoke execute on function meshqueue.new_url(public.assets, jsonb, text) from public, anon, authenticated;

create function meshqueue.point_asset(asset uuid, job_id uuid, urls jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.assets a
  set source_job_id = point_asset.job_id,
    mesh_url = meshqueue.new_url(a, urls, 'mesh_url'),
    texture_url = meshqueue.new_url(a, urls, 'texture_url'),
    pbr_metallic_url = meshqueue.new_url(a, urls, 'pbr_metallic_url'),
    pbr_roughness_url = meshqueue.new_url(a, urls, 'pbr_roughness_url'),
    pbr_normal_url = meshqueue.new_url(a, urls, 'pbr_normal_url'),
    pbr_emission_url = meshqueue.new_url(a, urls, 'pbr_emission_url'),
    thumbnail_url = meshqueue.new_url(a, urls, 'thumbnail_url'),
    updated_at = now()
  where a.id = asset
$$;
revoke execute on function meshqueue.point_asset(uuid, uuid, jsonb) from public, anon, authenticated;

-- Stored files by their place; what was not stored by the provider's own links, which are the owner's alone.
create function meshqueue.files_of_result(of_job uuid, links jsonb)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_agg(f.shown order by f.role, f.position, f.format)
  from (
    select s.role, s.position::bigint, s.format, jsonb_build_object('role', s.role, 'format', s.format,
      'bucket', s.bucket, 'path', s.path, 'bytes', s.bytes) as shown
    from public.asset_files s where s.job_id = of_job
    union all
    select l.value ->> 'role', l.place, l.value ->> 'format', jsonb_build_object('role', l.value -> 'role',
      'format', l.value -> 'format', 'url', l.value -> 'url', 'expires_at', l.value -> 'expires_at')
    from jsonb_array_elements(links) with ordinality as l (value, place)
  ) f
$$;
revoke execute on function meshqueue.files_of_result(uuid, jsonb) from public, anon, authenticated;

-- What a client is told of the result. `missing`: stages that made nothing while the best model was delivered.
create function meshqueue.result_of(job public.ai_jobs, report jsonb, links jsonb)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_strip_nulls(jsonb_build_object(
    'files', meshqueue.files_of_result(job.id, links),
    'bytes_before', report -> 'bytes_before',
    'bytes_after', report -> 'bytes_after',
    'triangles', coalesce(report -> 'triangles', (
      select to_jsonb(f.triangles) from public.asset_files f
      where f.job_id = job.id and f.role = 'model' and f.format = 'glb' order by f.position limit 1)),
    'seconds', (
      select jsonb_object_agg(r.stage, extract(epoch from r.ended_at - r.begun_at)::integer)
      from meshqueue.runs r where r.job_id = job.id and r.state = 'done'),
    'provider_credits', (
      select sum(s.provider_credits) from meshqueue.submissions s join meshqueue.runs r on r.id = s.run_id
      where r.job_id = job.id),
    'missing', (
      select jsonb_agg(st) from unnest(job.stages) st
      where not exists (select from meshqueue.runs r where r.job_id = job.id and r.stage = st and meshqueue.has_made(r)))))
$$;
revoke execute on function meshqueue.result_of(public.ai_jobs, jsonb, jsonb) from public, anon, authenticated;

-- store_assets decides which of the two a delivery brings; mixing them up would show what nobody keeps.
create function meshqueue.check_kept(job public.ai_jobs, files jsonb, links jsonb)
returns void
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if job.request_payload -> 'store_assets' = 'false' and files <> '[]'
    or job.request_payload -> 'store_assets' is distinct from 'false' and links <> '[]'
  then
    raise check_violation using
      message = format('job %s asked for store_assets %s', job.id,
        coalesce(job.request_payload ->> 'store_assets', 'true')),
      hint = 'What is stored is delivered as files, what is not as links.';
  end if;
end
$$;
revoke execute on function meshqueue.check_kept(public.ai_jobs, jsonb, jsonb) from public, anon, authenticated;

-- What the worker has to say of a delivery beyond its result, such as why a model was left as it was.
create function meshqueue.note_delivery(job public.ai_jobs, notes jsonb)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update public.ai_job_events e set payload = e.payload || notes
  where jsonb_typeof(notes) = 'object'
    and e.id = (select max(o.id) from public.ai_job_events o where o.job_id = job.id)
$$;
revoke execute on function meshqueue.note_delivery(public.ai_jobs, jsonb) from public, anon, authenticated;

-- A job that was canceled first gets no rows; its objects are listed for removal. 'busy': a path that was never
-- intended is being removed at this moment. Of the report, bytes_before, bytes_after and triangles go into the
-- result, an object `notes` into the job's last event.
create function meshqueue.finish_delivery(
  run bigint, attempt integer, worker uuid, files jsonb, report jsonb default '{}', urls jsonb default '{}',
  links jsonb default '[]'
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
  elsif not meshqueue.keep_objects(files) then
    return jsonb_build_object('outcome', 'busy');
  end if;
  perform meshqueue.check_kept(held.job, files, links);
  perform meshqueue.add_files(held.job, files);
  delete from meshqueue.intents i where i.run_id = run;
  perform meshqueue.point_asset((held.job).asset_id, (held.job).id, urls);
  update meshqueue.runs r set state = 'done', worker_id = null, progress = 100, ended_at = now()
    where r.id = finish_delivery.run;
  update public.ai_jobs j set status = 'SUCCEEDED', result_payload = meshqueue.result_of(j, report, links)
    where j.id = (held.job).id;
  perform meshqueue.note_delivery(held.job, report -> 'notes');
  perform meshqueue.republish((held.job).asset_id, coalesce((held.job).request_payload -> 'public' = 'true', false));
  return jsonb_build_object('outcome', 'ok');
end
$$;
revoke execute on function meshqueue.finish_delivery(bigint, integer, uuid, jsonb, jsonb, jsonb, jsonb)
  from public, anon, authenticated;

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
