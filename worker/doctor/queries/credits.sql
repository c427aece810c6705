select meshqueue.setting('credits_enabled') = 'true' as enabled,
  meshqueue.setting('signup_credits')::integer > 0 as at_sign_up,
  (select count(*) from public.credit_accounts a where exists (
    select from public.credit_ledger l where l.user_id = a.user_id and l.kind = 'grant')) as granted
