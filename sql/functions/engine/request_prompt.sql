create function meshqueue.check_prompt(payload jsonb, provider public.provider_type, kind text)
returns boolean
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  prompt constant text := meshqueue.read_text(payload -> 'prompt', 'prompt', 600);
  art_style constant text := meshqueue.read_text(payload -> 'art_style', 'art_style', 60);
  negative_prompt constant text := meshqueue.read_text(
    payload -> 'negative_prompt', 'negative_prompt', case when provider = 'TRIPO' then 255 else 600 end
  );
begin
  if prompt is null and kind = 'text_to_3d' then
    perform meshqueue.refuse('prompt', 'prompt is missing', 'Say in prompt what to make, or send images.');
  elsif btrim(prompt, E' \t\n\r\f\x0b\u0085\u00a0\u200b\u3000\ufeff') = '' then
    perform meshqueue.refuse('prompt', 'prompt must not be blank', 'Say in prompt what to make.');
  elsif provider = 'MESHY' and art_style <> '' and length(prompt || ', ' || art_style) > 600 then
    perform meshqueue.refuse(
      'art_style',
      format('prompt and art_style must have at most 600 characters together (they have %s)',
             length(prompt || ', ' || art_style)),
      'Shorten one of them: on MESHY art_style is appended to the prompt, with a comma and a blank between.'
    );
  end if;
  return true;
end
$$;
revoke execute on function meshqueue.check_prompt(jsonb, public.provider_type, text) from public, anon, authenticated;
