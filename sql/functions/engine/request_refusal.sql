-- The ways in which a request is refused. The detail is the field's path, nothing else.
-- Volatile, although they change nothing: a folded call would raise while the caller is planned.

create function meshqueue.refuse(field text, message text, hint text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise sqlstate 'PT400' using message = message, detail = field, hint = hint;
end
$$;
revoke execute on function meshqueue.refuse(text, text, text) from public, anon, authenticated;

create function meshqueue.refuse_type(field text, expected text, value jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  found constant text := case coalesce(jsonb_typeof(value), 'null')
    when 'null' then 'null'
    when 'string' then 'text'
    when 'object' then 'an object'
    when 'array' then 'an array'
    else 'a ' || jsonb_typeof(value)
  end;
begin
  perform meshqueue.refuse(
    field,
    format('%s must be %s (it is %s)', field, expected, found),
    format('Send %s as %s.', field, expected)
  );
end
$$;
revoke execute on function meshqueue.refuse_type(text, text, jsonb) from public, anon, authenticated;

create function meshqueue.refuse_unknown_key(unknown jsonb, parent text, known text[])
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  key constant text := (select name from jsonb_object_keys(unknown) as name limit 1);
  field constant text := parent || coalesce(nullif(left(key, 100), ''), '""');
begin
  perform meshqueue.refuse(
    field,
    format('%s is not a known key', field),
    format('Remove it or correct its name. Known here: %s.', array_to_string(known, ', '))
  );
end
$$;
revoke execute on function meshqueue.refuse_unknown_key(jsonb, text, text[]) from public, anon, authenticated;
