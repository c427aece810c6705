select jsonb_build_object(
  'user_id', u.id, 'email', u.email,
  'balance', coalesce(a.balance, 0), 'reserved', coalesce(a.reserved, 0),
  'available', coalesce(a.balance - a.reserved, 0),
  'granted', (
    select coalesce(sum(l.amount), 0) from public.credit_ledger l where l.user_id = u.id and l.kind = 'grant'),
  'spent', (
    select coalesce(-sum(l.amount), 0) from public.credit_ledger l where l.user_id = u.id and l.kind = 'settle'),
  'open_jobs', (
    select coalesce(jsonb_agg(jsonb_build_object('id', j.id, 'status', j.status, 'credits_cost', j.credits_cost)
      order by j.created_at), '[]')
    from public.ai_jobs j where j.user_id = u.id and j.status in ('QUEUED', 'IN_PROGRESS')),
  'ledger', (
    select coalesce(jsonb_agg(jsonb_build_object('id', l.id, 'at', l.created_at, 'kind', l.kind, 'amount', l.amount,
      'hold', l.hold, 'reason', l.reason, 'reference', l.reference, 'job_id', l.job_id) order by l.id desc), '[]')
    from (
      select * from public.credit_ledger e where e.user_id = u.id order by e.id desc limit %(limit)s
    ) l))
from auth.users u left join public.credit_accounts a on a.user_id = u.id
where u.id = %(id)s
