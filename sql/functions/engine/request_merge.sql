-- A call's own arguments and the same fields of its body become one body; two values for one field are refused.

create function meshqueue.check_arguments(payload jsonb, arguments jsonb)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  doubled constant text := (
    select key
    from jsonb_each_text(arguments)
    where case key
      when 'asset_id' then lower(payload ->> key) <> lower(value)
      else payload ->> key is not null and payload -> key <> arguments -> key
    end
    limit 1
  );
begin
  if doubled is not null then
    perform meshqueue.refuse(
      doubled,
      format('%s has one value in request_payload and another as an argument (a contradiction)', doubled),
      'Send it once, or the same value twice.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_arguments(jsonb, jsonb) from public, anon, authenticated;

create function meshqueue.merge_request(payload jsonb, arguments jsonb)
returns jsonb
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  shared constant text[] := '{provider,create_asset,asset_title,asset_description,asset_id}';
  sound boolean;
begin
  if jsonb_typeof(payload) <> 'object' or arguments = '{}' then
    return payload;
  elsif payload ?| shared then
    sound := meshqueue.check_arguments(payload, arguments);
  end if;
  return payload || coalesce(arguments, '{}');
end
$$;
revoke execute on function meshqueue.merge_request(jsonb, jsonb) from public, anon, authenticated;
