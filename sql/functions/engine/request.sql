-- Reads a request: refuses what is wrong, plans what is right. It runs for every created job.
-- Checks return true or raise, so that they are called by assignment: measured 1.4 µs a call on PostgreSQL 18
-- (5.1 µs by perform).

create function meshqueue.check_body(payload jsonb, known text[])
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if payload is null or jsonb_typeof(payload) <> 'object' then
    perform meshqueue.refuse_type('request_payload', 'an object', payload);
  elsif octet_length(payload::text) > 8192 then
    perform meshqueue.refuse(
      'request_payload',
      format('request_payload must have at most 8192 bytes (it has %s)', octet_length(payload::text)),
      'Shorten its texts; keep what only the app reads in metadata.'
    );
  elsif payload - known <> '{}' then
    perform meshqueue.refuse_unknown_key(payload - known, '', known);
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_body(jsonb, text[]) from public, anon, authenticated;

create function meshqueue.read_request(
  payload jsonb,
  named public.provider_type,
  owner uuid,
  out provider public.provider_type,
  out kind text,
  out stages public.job_stage[],
  out create_asset boolean,
  out asset_id uuid,
  out asset_title text,
  out asset_description text
)
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
declare
  known constant text[] := '{
    prompt,art_style,negative_prompt,images,refine,remesh,requires_rig,store_assets,public,
    provider,create_asset,asset_title,asset_description,asset_id
  }';
  plain constant text[] := '{prompt,art_style,refine,remesh,asset_title,asset_description}';
  sound boolean;
  refined boolean;
begin
  -- What is plainly right is seen at once; the readers, which know why not, are called for the rest.
  if payload is null or jsonb_typeof(payload) <> 'object' or octet_length(payload::text) > 8192 or payload - known <> '{}' then
    sound := meshqueue.check_body(payload, known);
  end if;
  provider := coalesce(named, 'MESHY');
  if provider <> 'MESHY' or payload - plain <> '{}' then
    provider := meshqueue.route_request(payload, provider);
    kind := meshqueue.read_kind(payload, provider, owner);
    sound := meshqueue.check_storage(payload, provider);
  end if;
  kind := coalesce(kind, 'text_to_3d');
  if jsonb_typeof(payload -> 'prompt') is distinct from 'string' or length(payload ->> 'prompt') not between 1 and 500
    or ascii(payload ->> 'prompt') not between 33 and 126 or payload ? 'negative_prompt'
    or coalesce(jsonb_typeof(payload -> 'art_style') <> 'string' or length(payload ->> 'art_style') > 60, false)
  then
    sound := meshqueue.check_prompt(payload, provider, kind);
  end if;
  refined := payload -> 'refine' is distinct from 'false';
  if payload -> 'refine' not in ('{"enable_pbr": true}', '{"enable_pbr": false}', '{}', 'true', 'false') then
    refined := coalesce(meshqueue.read_refine(payload -> 'refine'), true);
  end if;
  stages := meshqueue.plan_stages(provider, kind, refined,
    case when payload ? 'remesh' then meshqueue.read_remesh(payload -> 'remesh', provider) end,
    payload -> 'requires_rig' = 'true');
  create_asset := true;
  if payload ?| '{asset_id,asset_title,asset_description,create_asset}' then
    asset_id := meshqueue.read_uuid(payload -> 'asset_id', 'asset_id');
    asset_title := meshqueue.read_text(payload -> 'asset_title', 'asset_title', 200);
    asset_description := meshqueue.read_text(payload -> 'asset_description', 'asset_description', 2000);
    create_asset := coalesce(meshqueue.read_boolean(payload -> 'create_asset', 'create_asset'), true)
      and asset_id is null;
  end if;
end
$$;
revoke execute on function meshqueue.read_request(jsonb, public.provider_type, uuid) from public, anon, authenticated;
