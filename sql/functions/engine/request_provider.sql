-- Which provider makes the model. It comes before the rest: the rules depend on it.

create function meshqueue.read_provider(value jsonb, named public.provider_type)
returns public.provider_type
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  written constant public.provider_type :=
    meshqueue.read_choice(value, 'provider', enum_range(null::public.provider_type)::text[]);
begin
  if named <> 'MESHY' and written <> named then
    perform meshqueue.refuse(
      'provider',
      format('provider is %s in request_payload, but %s was named beside it', written, named),
      'Name the provider once, or the same one twice.'
    );
  end if;
  return written;
end
$$;
revoke execute on function meshqueue.read_provider(jsonb, public.provider_type) from public, anon, authenticated;

create function meshqueue.route_request(payload jsonb, named public.provider_type)
returns public.provider_type
language plpgsql stable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  chosen constant public.provider_type := coalesce(meshqueue.read_provider(payload -> 'provider', named), named);
begin
  if meshqueue.read_boolean(payload -> 'requires_rig', 'requires_rig') then
    return 'TRIPO';
  elsif chosen not in ('MESHY', 'TRIPO') then
    perform meshqueue.refuse(
      'provider',
      format('provider must be MESHY or TRIPO (it is %s, which makes no models)', chosen),
      'Send MESHY or TRIPO, or leave provider out.'
    );
  end if;
  return chosen;
end
$$;
revoke execute on function meshqueue.route_request(jsonb, public.provider_type) from public, anon, authenticated;
