-- For servers with the service role's key.

create function meshqueue.require_service()
returns void
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  if meshqueue.caller_is_client() then
    raise insufficient_privilege using message = 'this call is for servers',
      hint = 'Use the service role''s key, and never in an app.';
  end if;
end
$$;
revoke execute on function meshqueue.require_service() from public, anon, authenticated;

create function meshqueue.grant_to(account uuid, credits integer, why text, ref text)
returns setof public.credit_accounts
language plpgsql security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
begin
  perform meshqueue.require_service();
  if account is null or credits is null or credits = 0 then
    raise sqlstate 'PT400' using message = 'user_id and an amount other than 0 are needed',
      detail = case when account is null then 'user_id' else 'amount' end,
      hint = 'A negative amount takes back what is available.';
  end if;
  perform meshqueue.lock_account(account);
  if not exists (select from public.credit_accounts a where a.user_id = account) then
    raise sqlstate 'PT404' using message = 'no such user', detail = 'user_id',
      hint = 'user_id must be the id of a row in auth.users.';
  end if;
  -- Taking back takes what is available, and no more.
  insert into public.credit_ledger (user_id, kind, amount, reason, reference)
    select account, 'grant', greatest(credits, a.reserved - a.balance), why, ref
    from public.credit_accounts a
    where a.user_id = account and greatest(credits, a.reserved - a.balance) <> 0
      and (ref is null or not exists (select from public.credit_ledger l where l.reference = ref))
    on conflict (reference) where reference is not null do nothing;
  return query select a.* from public.credit_accounts a where a.user_id = account;
exception when lock_not_available or deadlock_detected or query_canceled then
  perform meshqueue.raise_busy();
end
$$;
revoke execute on function meshqueue.grant_to(uuid, integer, text, text) from public, anon, authenticated;
grant execute on function meshqueue.grant_to(uuid, integer, text, text) to service_role;

-- The same reference grants once, for ever. Answers with the account as it then stands.
create function public.grant_credits(user_id uuid, amount integer, reason text, reference text default null)
returns setof public.credit_accounts
language sql
set search_path = pg_catalog, pg_temp
as $$
  select * from meshqueue.grant_to(user_id, amount, reason, reference)
$$;
revoke execute on function public.grant_credits(uuid, integer, text, text) from public, anon, authenticated;
grant execute on function public.grant_credits(uuid, integer, text, text) to service_role;

create function meshqueue.require_count(argument text, value integer)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if value is null or value not between 0 and 100000 then
    raise sqlstate 'PT400' using message = format('%s must be a whole number from 0 to 100000', argument),
      detail = argument, hint = 'Nothing was deleted.';
  end if;
end
$$;
revoke execute on function meshqueue.require_count(text, integer) from public, anon, authenticated;

create function meshqueue.clean_rates(minutes integer)
returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.require_service();
  perform meshqueue.require_count('retention_minutes', minutes);
  return meshqueue.purge_rates(make_interval(mins => greatest(minutes, 1)));
end
$$;
revoke execute on function meshqueue.clean_rates(integer) from public, anon, authenticated;
grant execute on function meshqueue.clean_rates(integer) to service_role;

create function public.cleanup_rate_limits(retention_minutes integer)
returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.clean_rates(retention_minutes)
$$;
revoke execute on function public.cleanup_rate_limits(integer) from public, anon, authenticated;
grant execute on function public.cleanup_rate_limits(integer) to service_role;

-- Only events of jobs that are over.
create function meshqueue.clean_events(days integer)
returns bigint
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  gone bigint;
begin
  perform meshqueue.require_service();
  perform meshqueue.require_count('retention_days', days);
  delete from public.ai_job_events e
    using public.ai_jobs j
    where j.id = e.job_id and meshqueue.is_over(j.status)
      and e.created_at < now() - make_interval(days => days);
  get diagnostics gone = row_count;
  return gone;
end
$$;
revoke execute on function meshqueue.clean_events(integer) from public, anon, authenticated;
grant execute on function meshqueue.clean_events(integer) to service_role;

create function public.cleanup_job_events(retention_days integer)
returns bigint
language sql
set search_path = pg_catalog, pg_temp
as $$
  select meshqueue.clean_events(retention_days)
$$;
revoke execute on function public.cleanup_job_events(integer) from public, anon, authenticated;
grant execute on function public.cleanup_job_events(integer) to service_role;

create view public.ai_job_metrics_daily with (security_invoker = true) as
  select date_trunc('day', j.created_at, 'UTC')::date as day, j.provider, j.kind,
    count(*) as jobs,
    count(*) filter (where j.status = 'SUCCEEDED') as succeeded,
    count(*) filter (where j.status = 'FAILED') as failed,
    count(*) filter (where j.status = 'CANCELED') as canceled,
    sum(j.credits_cost) filter (where j.status = 'SUCCEEDED') as credits_of_succeeded,
    percentile_cont(0.5) within group (order by extract(epoch from j.finished_at - j.started_at))
      filter (where j.status = 'SUCCEEDED') as median_seconds
  from public.ai_jobs j
  group by 1, 2, 3;
revoke all on public.ai_job_metrics_daily from public, anon, authenticated, service_role;
grant select on public.ai_job_metrics_daily to service_role;
