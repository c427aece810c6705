-- Making a job. Invoker: the insert goes through the same grants, policy and triggers as the client's own.

-- The job that this key made before. Definer behind an invoker: it locks the account.
create function meshqueue.repeated_job(key text, request jsonb, named public.provider_type, task text, app_data jsonb)
returns setof public.ai_jobs
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
  earlier public.ai_jobs;
begin
  select * into earlier from meshqueue.job_by_key(meshqueue.require_user(), key);
  if not found then
    return;
  end if;
  if (earlier.request_payload, earlier.client_task_id, earlier.metadata) is distinct from (request, task, app_data) then
    perform meshqueue.refuse_repeat(earlier);
  end if;
  return next earlier;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.repeated_job(text, jsonb, public.provider_type, text, jsonb) from public, anon;
grant execute on function meshqueue.repeated_job(text, jsonb, public.provider_type, text, jsonb)
  to authenticated, service_role;

-- Arguments and body say the same in two ways; here they become one body.
create function meshqueue.request_of(
  body jsonb, create_asset boolean, asset_title text, asset_description text, asset_id uuid,
  provider public.provider_type
)
returns jsonb
language plpgsql stable security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  arguments jsonb := jsonb_strip_nulls(jsonb_build_object(
    'create_asset', case when not create_asset then false end,
    'asset_title', asset_title, 'asset_description', asset_description, 'asset_id', asset_id, 'provider', provider));
begin
  return meshqueue.merge_request(body, arguments);
end
$$;
revoke execute on function meshqueue.request_of(jsonb, boolean, text, text, uuid, public.provider_type)
  from public, anon;
grant execute on function meshqueue.request_of(jsonb, boolean, text, text, uuid, public.provider_type)
  to authenticated, service_role;

create function public.create_ai_job_with_credits(
  request_payload jsonb, create_asset boolean default true, asset_title text default null,
  asset_description text default null, asset_id uuid default null, provider public.provider_type default null,
  client_task_id text default null, idempotency_key text default null, metadata jsonb default '{}'
)
returns setof public.ai_jobs
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_variable
declare
  request jsonb := request_payload;
begin
  if not create_asset or coalesce(asset_title, asset_description, asset_id::text, provider::text) is not null then
    request := meshqueue.request_of(
      request_payload, create_asset, asset_title, asset_description, asset_id, provider);
  end if;
  if idempotency_key is not null then
    return query select * from meshqueue.repeated_job(
      idempotency_key, request, provider, client_task_id, coalesce(metadata, '{}'));
    if found then
      return;
    end if;
  end if;
  return query
    insert into public.ai_jobs as j (user_id, request_payload, client_task_id, idempotency_key, metadata)
    values (auth.uid(), request, client_task_id, idempotency_key, coalesce(metadata, '{}'))
    returning j.*;
end
$$;
revoke execute on function public.create_ai_job_with_credits(
  jsonb, boolean, text, text, uuid, public.provider_type, text, text, jsonb) from public, anon;
grant execute on function public.create_ai_job_with_credits(
  jsonb, boolean, text, text, uuid, public.provider_type, text, text, jsonb) to authenticated, service_role;

create function public.create_ai_job(
  request_payload jsonb, create_asset boolean default true, asset_title text default null,
  asset_description text default null, provider public.provider_type default null, client_task_id text default null,
  idempotency_key text default null, metadata jsonb default '{}'
)
returns setof public.ai_jobs
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from public.create_ai_job_with_credits(request_payload => request_payload, create_asset => create_asset,
    asset_title => asset_title, asset_description => asset_description, provider => provider,
    client_task_id => client_task_id, idempotency_key => idempotency_key, metadata => metadata)
$$;
revoke execute on function public.create_ai_job(
  jsonb, boolean, text, text, public.provider_type, text, text, jsonb) from public, anon;
grant execute on function public.create_ai_job(
  jsonb, boolean, text, text, public.provider_type, text, text, jsonb) to authenticated, service_role;
