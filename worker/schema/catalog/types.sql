select format('%I.%I', n.nspname, t.typname),
  concat_ws(' ', t.typtype,
    (select string_agg(e.enumlabel, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = t.oid),
    (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attnum)
     from pg_attribute a where a.attrelid = t.typrelid and not a.attisdropped),
    case t.typtype when 'd' then format_type(t.typbasetype, t.typtypmod) end)
from pg_type t
join pg_namespace n on n.oid = t.typnamespace
left join pg_class c on c.oid = t.typrelid
where n.nspname in ('public', 'meshqueue', 'procrastinate')
  and (t.typtype in ('e', 'd') or c.relkind = 'c')
