-- One image of a request. Not strict: an unknown owner must be refused, not skipped.

create function meshqueue.refuse_foreign_path(field text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise sqlstate 'PT403' using
    message = format('%s must begin with your own user id and a slash', field),
    detail = field,
    hint = 'Upload the image under your own folder of the bucket inputs and send that path.';
end
$$;
revoke execute on function meshqueue.refuse_foreign_path(text) from public, anon, authenticated;

-- Backslash, percent and hash stand in no storage key; in an address they could lead elsewhere.
create function meshqueue.check_image_path(value jsonb, field text, owner uuid)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  path constant text := meshqueue.read_text(value, field, 512);
begin
  if starts_with(path, owner || '/') is not true then
    perform meshqueue.refuse_foreign_path(field);
  elsif path ~ '(^|/)\.{1,2}(/|$)|//|/$|[\u0001-\u001f\u007f-\u009f\\%#]' then
    perform meshqueue.refuse(
      field,
      format('%s must be the plain path of a file', field),
      'Send it as uploaded: no empty, "." or ".." segment, no control character, backslash, percent or hash.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_image_path(jsonb, text, uuid) from public, anon, authenticated;

create function meshqueue.check_image_url(value jsonb, field text)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  url constant text := meshqueue.read_text(value, field, 2048);
begin
  if url ~ '[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200f\u2028-\u202f\u205f\u3000\ufeff]'
    or url !~* '^https://([^][/?#@:\\]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?([/?#]|$)'
  then
    perform meshqueue.refuse(
      field,
      format('%s must be an https address with a host, without user, password, blanks or control characters', field),
      'Send an address like https://example.com/front.png, or upload the image and send its path.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_image_url(jsonb, text) from public, anon, authenticated;

create function meshqueue.check_image_source(image jsonb, field text, owner uuid)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if (image ->> 'path' is null) = (image ->> 'url' is null) then
    perform meshqueue.refuse(
      field,
      format('%s must have either path or url', field),
      'Send path for an uploaded image or url for one on the web, not both.'
    );
  elsif image ->> 'url' is null then
    return meshqueue.check_image_path(image -> 'path', field || '.path', owner);
  end if;
  return meshqueue.check_image_url(image -> 'url', field || '.url');
end
$$;
revoke execute on function meshqueue.check_image_source(jsonb, text, uuid) from public, anon, authenticated;

create function meshqueue.check_image(image jsonb, field text, owner uuid)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  known constant text[] := '{path,url,angle}';
  angle text;
begin
  if jsonb_typeof(image) <> 'object' then
    perform meshqueue.refuse_type(field, 'an object', image);
  elsif image - known <> '{}' then
    perform meshqueue.refuse_unknown_key(image - known, field || '.', known);
  end if;
  angle := meshqueue.read_choice(image -> 'angle', field || '.angle', '{front,left,back,right,top,bottom}');
  return meshqueue.check_image_source(image, field, owner);
end
$$;
revoke execute on function meshqueue.check_image(jsonb, text, uuid) from public, anon, authenticated;
