select format('%I on %I.%I', t.tgname, n.nspname, c.relname),
  concat_ws(' ', pg_get_triggerdef(t.oid), 'enabled', t.tgenabled)
from pg_trigger t
join pg_class c on c.oid = t.tgrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'meshqueue', 'procrastinate', 'auth', 'storage', 'realtime')
  and not t.tgisinternal
