select format('%I.%I.%I', n.nspname, c.relname, a.attname),
  concat_ws(' ', a.attnum, format_type(a.atttypid, a.atttypmod),
    case when a.attnotnull then 'not null' end,
    'identity', nullif(a.attidentity, ''), 'generated', nullif(a.attgenerated, ''),
    'default', pg_get_expr(d.adbin, d.adrelid),
    'grants', (select string_agg(g::text, ' ' order by g::text) from unnest(a.attacl) g),
    'comment', col_description(c.oid, a.attnum))
from pg_attribute a
join pg_class c on c.oid = a.attrelid
join pg_namespace n on n.oid = c.relnamespace
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where n.nspname in ('public', 'meshqueue', 'procrastinate')
  and c.relkind in ('r', 'p', 'v') and a.attnum > 0 and not a.attisdropped
