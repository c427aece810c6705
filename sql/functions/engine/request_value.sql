-- Readers of one value. Strict, so that an absent field costs no call; JSON null reads as absent too.

create function meshqueue.read_text(value jsonb, field text, most integer)
returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  content constant text := value #>> '{}';
begin
  if jsonb_typeof(value) = 'string' and length(content) <= most then
    return content;
  elsif jsonb_typeof(value) = 'string' then
    perform meshqueue.refuse(
      field,
      format('%s must have at most %s characters (it has %s)', field, most, length(content)),
      format('Shorten %s.', field)
    );
  elsif content is not null then
    perform meshqueue.refuse_type(field, 'text', value);
  end if;
  return null;
end
$$;
revoke execute on function meshqueue.read_text(jsonb, text, integer) from public, anon, authenticated;

create function meshqueue.read_boolean(value jsonb, field text)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(value) = 'boolean' then
    return value = 'true';
  elsif value <> 'null' then
    perform meshqueue.refuse_type(field, 'true or false', value);
  end if;
  return null;
end
$$;
revoke execute on function meshqueue.read_boolean(jsonb, text) from public, anon, authenticated;

create function meshqueue.read_uuid(value jsonb, field text)
returns uuid
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  content constant text := meshqueue.read_text(value, field, 100);
begin
  if content !~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
    perform meshqueue.refuse(
      field,
      format('%s must be a UUID (it is "%s")', field, content),
      format('Send %s like 123e4567-e89b-12d3-a456-426614174000, or leave it out.', field)
    );
  end if;
  return content::uuid;
end
$$;
revoke execute on function meshqueue.read_uuid(jsonb, text) from public, anon, authenticated;

create function meshqueue.read_choice(value jsonb, field text, choices text[])
returns text
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  content constant text := meshqueue.read_text(value, field, 100);
begin
  if content <> all (choices) then
    perform meshqueue.refuse(
      field,
      format('%s is unknown (it is "%s")', field, content),
      format('Send one of: %s.', array_to_string(choices, ', '))
    );
  end if;
  return content;
end
$$;
revoke execute on function meshqueue.read_choice(jsonb, text, text[]) from public, anon, authenticated;
