select format('%I.%I', n.nspname, c.relname),
  concat_ws(' ', format_type(s.seqtypid, null), s.seqstart, s.seqincrement, s.seqmin, s.seqmax,
    s.seqcache, s.seqcycle, 'grants',
    (select string_agg(a::text, ' ' order by a::text)
     from unnest(coalesce(c.relacl, acldefault('s', c.relowner))) a))
from pg_sequence s
join pg_class c on c.oid = s.seqrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'meshqueue', 'procrastinate')
