-- The ledger is the truth; the account follows it in the same statement.

create function meshqueue.ledger_entry_is_sound(entry public.credit_ledger)
returns boolean
language plpgsql immutable
set search_path = ''
as $$
begin
  return (entry.job_id is null) = (entry.kind = 'grant') and case entry.kind
    when 'reserve' then entry.amount = 0 and entry.hold > 0
    when 'settle' then entry.amount < 0 and entry.hold <= entry.amount
    when 'release' then entry.amount = 0 and entry.hold < 0
    when 'grant' then entry.amount <> 0 and entry.hold = 0
    else false
  end;
end
$$;
revoke execute on function meshqueue.ledger_entry_is_sound(public.credit_ledger) from public, anon, authenticated;

create function meshqueue.ledger_post()
returns trigger
language plpgsql security definer
set search_path = ''
as $$
declare
  open bigint;
begin
  if not meshqueue.ledger_entry_is_sound(new) then
    raise check_violation using message = format('a ledger entry %s can''t be (%s, %s)', new.kind, new.amount, new.hold),
      hint = 'grant (+a, 0), reserve (0, +c), settle (-x, -c) with x <= c, release (0, -c); all but grant name a job.';
  elsif new.user_id is null then
    return null;
  end if;
  for attempt in 1..2 loop
    update public.credit_accounts a
      set balance = a.balance + new.amount, reserved = a.reserved + new.hold
      where a.user_id = new.user_id and a.balance + new.amount >= a.reserved + new.hold;
    if found then
      return null;
    end if;
    perform meshqueue.open_account(new.user_id);
  end loop;
  select a.balance - a.reserved into open from public.credit_accounts a where a.user_id = new.user_id;
  if not found then
    raise sqlstate 'PT404' using message = 'no such user', detail = 'user_id',
      hint = 'user_id must be the id of a row in auth.users.';
  end if;
  raise sqlstate 'PT402' using
    message = format('not enough credits: %s needed, %s available', new.hold - new.amount, open),
    detail = jsonb_build_object('needed', new.hold - new.amount, 'available', open)::text,
    hint = 'Buy or grant credits first; nothing was charged.';
end
$$;
revoke execute on function meshqueue.ledger_post() from public, anon, authenticated;

create function meshqueue.ledger_keep()
returns trigger
language plpgsql
set search_path = ''
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
set search_path = ''
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
set search_path = ''
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
set search_path = ''
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
