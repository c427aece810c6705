select format('%I: %I.%I', p.pubname, n.nspname, c.relname),
  concat_ws(' ',
    'columns', (select string_agg(a.attname, ', ' order by a.attnum) from pg_attribute a
                where a.attrelid = r.prrelid and a.attnum = any (r.prattrs)),
    'where', pg_get_expr(r.prqual, r.prrelid))
from pg_publication_rel r
join pg_publication p on p.oid = r.prpubid
join pg_class c on c.oid = r.prrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'meshqueue', 'procrastinate')
