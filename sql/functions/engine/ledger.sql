-- The ledger is the truth; the account follows it in the same statement.

create function meshqueue.ledger_post()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  if not (
    (new.kind = 'reserve' and new.amount = 0 and new.hold > 0
      or new.kind = 'settle' and new.amount < 0 and new.hold <= new.amount
      or new.kind = 'release' and new.amount = 0 and new.hold < 0
      or new.kind = 'grant' and new.amount <> 0 and new.hold = 0)
    and (new.job_id is null) = (new.kind = 'grant')
  ) then
    perform meshqueue.refuse_entry(new);
  end if;
  update public.credit_accounts a
    set balance = a.balance + new.amount, reserved = a.reserved + new.hold
    where a.user_id = new.user_id and a.balance + new.amount >= a.reserved + new.hold;
  if not found and new.user_id is not null then
    perform meshqueue.post_to_new_account(new);
  end if;
  return null;
end
$$;
revoke execute on function meshqueue.ledger_post() from public, anon, authenticated;

create function meshqueue.refuse_entry(entry public.credit_ledger)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  raise check_violation using
    message = format('a ledger entry of kind %s can''t be (%s, %s)', entry.kind, entry.amount, entry.hold),
    hint = 'As (amount, hold): grant (+a, 0), reserve (0, +c), settle (-x, -c) with x <= c, release (0, -c); all but '
      'grant name a job.';
end
$$;
revoke execute on function meshqueue.refuse_entry(public.credit_ledger) from public, anon, authenticated;

-- No account yet, or not enough in it.
create function meshqueue.post_to_new_account(entry public.credit_ledger)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  open bigint;
begin
  perform meshqueue.open_account(entry.user_id);
  update public.credit_accounts a
    set balance = a.balance + entry.amount, reserved = a.reserved + entry.hold
    where a.user_id = entry.user_id and a.balance + entry.amount >= a.reserved + entry.hold;
  if found then
    return;
  end if;
  select a.balance - a.reserved into open from public.credit_accounts a where a.user_id = entry.user_id;
  if not found then
    raise sqlstate 'PT404' using message = 'no such user', detail = 'user_id',
      hint = 'user_id must be the id of a row in auth.users.';
  end if;
  raise sqlstate 'PT402' using
    message = format('not enough credits: %s needed, %s available', entry.hold - entry.amount, open),
    detail = jsonb_build_object('needed', entry.hold - entry.amount, 'available', open)::text,
    hint = 'Buy or grant credits first; nothing was charged.';
end
$$;
revoke execute on function meshqueue.post_to_new_account(public.credit_ledger) from public, anon, authenticated;

create function meshqueue.ledger_keep()
returns trigger
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if tg_op = 'UPDATE' and new.user_id is null and to_jsonb(new) - 'user_id' = to_jsonb(old) - 'user_id' then
    return new;  -- a person is forgotten, the line stays
  end if;
  raise exception using
    errcode = 'restrict_violation',
    message = 'the credit ledger is append-only',
    hint = 'Correct an account with grant_credits(user_id, amount, reason).';
end
$$;
revoke execute on function meshqueue.ledger_keep() from public, anon, authenticated;

create trigger credit_ledger_post after insert on public.credit_ledger
  for each row execute function meshqueue.ledger_post();
create trigger credit_ledger_keep before update or delete on public.credit_ledger
  for each row execute function meshqueue.ledger_keep();
create trigger credit_ledger_keep_all before truncate on public.credit_ledger
  for each statement execute function meshqueue.ledger_keep();

create function meshqueue.open_account(account uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into public.credit_accounts (user_id) select u.id from auth.users u where u.id = account
    on conflict (user_id) do nothing;
end
$$;
revoke execute on function meshqueue.open_account(uuid) from public, anon, authenticated;

-- First in the lock order: account, job, pool, rows of the queue.
create function meshqueue.lock_account(account uuid)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from public.credit_accounts a where a.user_id = account for no key update;
  if not found then
    perform meshqueue.open_account(account);
    perform from public.credit_accounts a where a.user_id = account for no key update;
  end if;
end
$$;
revoke execute on function meshqueue.lock_account(uuid) from public, anon, authenticated;

-- What a job reserved is given back, less what its stages really cost the user.
create function meshqueue.settle_job(job public.ai_jobs, charge integer)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  held bigint;
begin
  select l.hold into held from public.credit_ledger l where l.job_id = job.id and l.kind = 'reserve';
  if not found then
    return;  -- free of charge when it was created
  end if;
  insert into public.credit_ledger (user_id, job_id, kind, amount, hold, reason)
  values (job.user_id, job.id, case when charge > 0 then 'settle' else 'release' end,
    -least(charge, held), -held, lower(job.status::text));
end
$$;
revoke execute on function meshqueue.settle_job(public.ai_jobs, integer) from public, anon, authenticated;
