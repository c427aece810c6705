create function meshqueue.check_storage(payload jsonb, provider public.provider_type)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  stored constant boolean := coalesce(meshqueue.read_boolean(payload -> 'store_assets', 'store_assets'), true);
  published constant boolean := coalesce(meshqueue.read_boolean(payload -> 'public', 'public'), false);
begin
  if not stored and provider = 'TRIPO' then
    perform meshqueue.refuse(
      'store_assets',
      'store_assets must be true on TRIPO, whose own addresses live for five minutes only',
      'Leave store_assets out, or use MESHY.'
    );
  elsif published and not stored then
    perform meshqueue.refuse(
      'public',
      'public must be false when store_assets is false: what is not stored cannot be published',
      'Leave store_assets out, or send public false.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_storage(jsonb, public.provider_type) from public, anon, authenticated;
