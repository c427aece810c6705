-- Tripo wants its images named by their sides, a front among them. A first image without angle is the front.

create function meshqueue.check_tripo_angle(angle text, field text, seen text[])
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  sides constant text[] := '{front,left,back,right}';
begin
  if angle is null then
    perform meshqueue.refuse(field, format('%s is missing', field), 'Send front, left, back or right: TRIPO needs it.');
  elsif angle <> all (sides) then
    perform meshqueue.refuse(
      field,
      format('%s must be front, left, back or right on TRIPO (it is %s)', field, angle),
      'Leave the image out or use MESHY.'
    );
  elsif angle = any (seen) then
    perform meshqueue.refuse(
      field,
      format('%s is %s, which another image shows already', field, angle),
      'Send one image for each side; a first image without angle counts as front.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_tripo_angle(text, text, text[]) from public, anon, authenticated;

create function meshqueue.check_tripo_angles(images jsonb)
returns boolean
language plpgsql immutable strict
set search_path = pg_catalog, pg_temp
as $$
declare
  angle text;
  seen text[] := '{}';
  sound boolean;
begin
  for i in 0 .. jsonb_array_length(images) - 1 loop
    angle := coalesce(images -> i ->> 'angle', case when i = 0 then 'front' end);
    sound := meshqueue.check_tripo_angle(angle, format('images[%s].angle', i), seen);
    seen := seen || angle;
  end loop;
  if 'front' <> all (seen) then
    perform meshqueue.refuse(
      'images',
      'images must have one with the angle front on TRIPO',
      'Add the front image, or name the one that shows it.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_tripo_angles(jsonb) from public, anon, authenticated;

create function meshqueue.check_images(images jsonb, provider public.provider_type, owner uuid)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  sound boolean;
begin
  if jsonb_typeof(images) <> 'array' then
    perform meshqueue.refuse_type('images', 'an array', images);
  elsif jsonb_array_length(images) not between 1 and 4 then
    perform meshqueue.refuse(
      'images',
      format('images must have 1 to 4 entries (they have %s)', jsonb_array_length(images)),
      'Send up to four images, or leave images out.'
    );
  end if;
  for i in 0 .. jsonb_array_length(images) - 1 loop
    sound := meshqueue.check_image(images -> i, format('images[%s]', i), owner);
  end loop;
  return provider <> 'TRIPO' or meshqueue.check_tripo_angles(images);
end
$$;
revoke execute on function meshqueue.check_images(jsonb, public.provider_type, uuid) from public, anon, authenticated;

create function meshqueue.read_kind(payload jsonb, provider public.provider_type, owner uuid)
returns text
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
begin
  if payload ->> 'images' is null then
    return 'text_to_3d';
  end if;
  return case when meshqueue.check_images(payload -> 'images', provider, owner) then 'image_to_3d' end;
end
$$;
revoke execute on function meshqueue.read_kind(jsonb, public.provider_type, uuid) from public, anon, authenticated;
