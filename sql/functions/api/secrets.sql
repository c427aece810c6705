-- A user's own webhook secret for a provider: shown once, kept only as a hash.

create function meshqueue.new_secret()
returns text
language sql
set search_path = pg_catalog, pg_temp
as $$
  select 'mqs_' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', '')
$$;
revoke execute on function meshqueue.new_secret() from public, anon, authenticated;

create function meshqueue.rotate_secret(of_provider public.provider_type, rotate boolean)
returns text
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  secret text := meshqueue.new_secret();
begin
  if of_provider is null then
    raise sqlstate 'PT400' using message = 'provider is missing', detail = 'provider', hint = 'Name MESHY or TRIPO.';
  end if;
  insert into meshqueue.user_provider_secrets as s (user_id, provider, secret_sha256)
    values (meshqueue.require_user(), of_provider, sha256(convert_to(secret, 'UTF8')))
    on conflict (user_id, provider) do update set secret_sha256 = excluded.secret_sha256, created_at = now()
    where rotate;
  if not found then
    raise sqlstate 'PT409' using message = 'there is a secret already, and it can''t be shown again',
      detail = 'rotate', hint = 'Call with rotate true to replace it.';
  end if;
  return secret;
end
$$;
revoke execute on function meshqueue.rotate_secret(public.provider_type, boolean) from public, anon;
grant execute on function meshqueue.rotate_secret(public.provider_type, boolean) to authenticated, service_role;

create function public.rotate_webhook_secret(provider public.provider_type, rotate boolean default true)
returns text
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.rotate_secret(provider, rotate)
$$;
revoke execute on function public.rotate_webhook_secret(public.provider_type, boolean) from public, anon;
grant execute on function public.rotate_webhook_secret(public.provider_type, boolean) to authenticated, service_role;
