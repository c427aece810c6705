-- People come and go. A fault here must never keep somebody from signing up.

create function meshqueue.user_arrived()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  welcome bigint;
begin
  welcome := meshqueue.setting('signup_credits');  -- the handler does not reach what fails in declare
  perform meshqueue.open_account(new.id);
  if welcome > 0 and not new.is_anonymous then
    insert into public.credit_ledger (user_id, kind, amount, reason, reference)
      values (new.id, 'grant', welcome, 'signup', 'signup:' || encode(sha256(convert_to(new.id::text, 'UTF8')), 'hex'))
      on conflict (reference) where reference is not null do nothing;
  end if;
  return null;
exception when others then
  raise warning 'meshqueue could not open the account of user %: %', new.id, sqlerrm;
  return null;
end
$$;
revoke execute on function meshqueue.user_arrived() from public, anon, authenticated;

create function meshqueue.list_objects_of(person uuid)
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  insert into meshqueue.removals (bucket, path)
  select o.bucket_id, o.name from storage.objects o
  where o.bucket_id in ('inputs', 'assets', 'templates') and starts_with(o.name, person || '/')
  on conflict do nothing
$$;
revoke execute on function meshqueue.list_objects_of(uuid) from public, anon, authenticated;

-- The user's row is locked when this runs, so no new job of theirs can come in between. Jobs end the ordinary way,
-- objects are listed for removal, the ledger keeps its lines without the person; the rows go by cascade.
create function meshqueue.user_leaves()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.lock_account(old.id);
  update public.ai_jobs j set status = 'CANCELED'
    where j.user_id = old.id and j.status in ('QUEUED', 'IN_PROGRESS');
  perform meshqueue.list_objects_of(old.id);
  delete from public.assets a where a.user_id = old.id;
  update public.credit_ledger l set user_id = null where l.user_id = old.id;
  delete from meshqueue.rates r where r.user_id = old.id;
  return old;
end
$$;
revoke execute on function meshqueue.user_leaves() from public, anon, authenticated;

create trigger meshqueue_user_arrived after insert or update of is_anonymous on auth.users
  for each row execute function meshqueue.user_arrived();
create trigger meshqueue_user_leaves before delete on auth.users
  for each row execute function meshqueue.user_leaves();
