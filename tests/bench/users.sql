-- 50,000 users with plenty of credits; the rate limit is out of the way, everything else as it is by default.
insert into auth.users (id, email, is_anonymous)
  select ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, i || '@example.com', false
  from generate_series(1, 50000) i;
insert into public.credit_ledger (user_id, kind, amount, reason)
  select u.id, 'grant', 1000000, 'bench' from auth.users u;
update public.app_settings set value = '10000' where key = 'rate_job_create_per_minute';
