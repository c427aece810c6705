-- PostgreSQL 18 lists not null here as well; the columns say that already.
select format('%I on %I.%I', k.conname, n.nspname, c.relname), pg_get_constraintdef(k.oid)
from pg_constraint k
join pg_class c on c.oid = k.conrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'meshqueue', 'procrastinate') and k.contype <> 'n'
