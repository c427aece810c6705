select jsonb_build_object(
  'accounts', count(*), 'balance', coalesce(sum(a.balance), 0), 'reserved', coalesce(sum(a.reserved), 0),
  'granted', (select coalesce(sum(l.amount), 0) from public.credit_ledger l where l.kind = 'grant'),
  'spent', (select coalesce(-sum(l.amount), 0) from public.credit_ledger l where l.kind = 'settle'),
  'largest', (
    select coalesce(jsonb_agg(jsonb_build_object('user_id', b.user_id, 'email', u.email, 'balance', b.balance,
      'reserved', b.reserved, 'available', b.balance - b.reserved) order by b.balance desc, b.user_id), '[]')
    from (
      select * from public.credit_accounts c order by c.balance desc, c.user_id limit %(limit)s
    ) b left join auth.users u on u.id = b.user_id))
from public.credit_accounts a
