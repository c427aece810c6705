create function meshqueue.read_refine(refine jsonb)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  known constant text[] := '{enable_pbr,texture_prompt}';
  enable_pbr boolean;
  texture_prompt text;
begin
  if jsonb_typeof(refine) in ('boolean', 'null') then
    return refine <> 'false';
  elsif jsonb_typeof(refine) <> 'object' then
    perform meshqueue.refuse_type('refine', 'true, false or an object', refine);
  elsif refine - known <> '{}' then
    perform meshqueue.refuse_unknown_key(refine - known, 'refine.', known);
  end if;
  enable_pbr := meshqueue.read_boolean(refine -> 'enable_pbr', 'refine.enable_pbr');
  texture_prompt := meshqueue.read_text(refine -> 'texture_prompt', 'refine.texture_prompt', 600);
  return true;
end
$$;
revoke execute on function meshqueue.read_refine(jsonb) from public, anon, authenticated;
