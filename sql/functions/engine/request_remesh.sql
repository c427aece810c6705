create function meshqueue.check_polycount(value jsonb, field text)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  polycount numeric;
begin
  if jsonb_typeof(value) = 'number' then
    polycount := value::numeric;
  elsif value <> 'null' then
    perform meshqueue.refuse_type(field, 'a whole number', value);
  end if;
  if polycount not between 100 and 300000 or polycount <> trunc(polycount) then
    perform meshqueue.refuse(
      field,
      format('%s must be a whole number from 100 to 300000 (it is %s)', field, left(polycount::text, 40)),
      format('Send a whole number in that range, or leave %s out.', field)
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_polycount(jsonb, text) from public, anon, authenticated;

create function meshqueue.refuse_format(value jsonb, field text, known jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(value) <> 'string' then
    perform meshqueue.refuse_type(field, 'text', value);
  elsif known ? (value #>> '{}') then
    perform meshqueue.refuse(field, format('%s names %s again', field, value), 'Name each format once.');
  end if;
  perform meshqueue.refuse(
    field,
    format('%s is not a known format (it is %s)', field, left(value::text, 100)),
    'Send glb, fbx, obj, usdz, stl or 3mf.'
  );
end
$$;
revoke execute on function meshqueue.refuse_format(jsonb, text, jsonb) from public, anon, authenticated;

create function meshqueue.check_formats(formats jsonb, field text)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  known constant jsonb := '["glb", "fbx", "obj", "usdz", "stl", "3mf"]';
  unused jsonb := known;
begin
  if formats = 'null' then
    return true;
  elsif jsonb_typeof(formats) <> 'array' then
    perform meshqueue.refuse_type(field, 'an array', formats);
  elsif jsonb_array_length(formats) > 6 then
    perform meshqueue.refuse(
      field,
      format('%s must have at most 6 entries (it has %s)', field, jsonb_array_length(formats)),
      'Name each format once.'
    );
  end if;
  for i in 0 .. jsonb_array_length(formats) - 1 loop
    if jsonb_typeof(formats -> i) <> 'string' or not unused ? (formats ->> i) then
      perform meshqueue.refuse_format(formats -> i, format('%s[%s]', field, i), known);
    end if;
    unused := unused - (formats ->> i);
  end loop;
  return true;
end
$$;
revoke execute on function meshqueue.check_formats(jsonb, text) from public, anon, authenticated;

-- Tripo makes quads only as FBX; a GLB is promised always.
create function meshqueue.read_topology(value jsonb, provider public.provider_type, enabled boolean)
returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  topology constant text := meshqueue.read_choice(value, 'remesh.topology', '{triangle,quad}');
begin
  if enabled and topology = 'quad' and provider = 'TRIPO' then
    perform meshqueue.refuse(
      'remesh.topology',
      'remesh.topology must be triangle on TRIPO, which makes quads only as FBX, not as GLB',
      'Send triangle, or use MESHY.'
    );
  end if;
  return topology;
end
$$;
revoke execute on function meshqueue.read_topology(jsonb, public.provider_type, boolean)
  from public, anon, authenticated;

create function meshqueue.read_remesh(remesh jsonb, provider public.provider_type)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  known constant text[] := '{enabled,target_polycount,topology,target_formats}';
  enabled boolean;
  topology text;
  sound boolean;
begin
  if jsonb_typeof(remesh) in ('boolean', 'null') then
    return remesh = 'true';
  elsif jsonb_typeof(remesh) <> 'object' then
    perform meshqueue.refuse_type('remesh', 'true, false or an object', remesh);
  elsif remesh - known <> '{}' then
    perform meshqueue.refuse_unknown_key(remesh - known, 'remesh.', known);
  end if;
  enabled := remesh -> 'enabled' = 'true';
  if not coalesce(enabled, false) then
    enabled := coalesce(meshqueue.read_boolean(remesh -> 'enabled', 'remesh.enabled'), true);
  end if;
  topology := meshqueue.read_topology(remesh -> 'topology', provider, enabled);
  if remesh -> 'target_polycount' not between '100' and '300000' or strpos(remesh ->> 'target_polycount', '.') > 0 then
    sound := meshqueue.check_polycount(remesh -> 'target_polycount', 'remesh.target_polycount');
  end if;
  if remesh -> 'target_formats' not in ('["fbx"]', '["glb"]', '["usdz"]', '["obj"]', '["stl"]') then
    sound := meshqueue.check_formats(remesh -> 'target_formats', 'remesh.target_formats');
  end if;
  return enabled;
end
$$;
revoke execute on function meshqueue.read_remesh(jsonb, public.provider_type) from public, anon, authenticated;
