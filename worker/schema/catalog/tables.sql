select format('%I.%I', n.nspname, c.relname),
  concat_ws(' ', c.relkind, 'owner', pg_get_userbyid(c.relowner),
    'persistence', c.relpersistence, 'identity', c.relreplident,
    'rls', c.relrowsecurity, c.relforcerowsecurity, c.reloptions::text,
    'grants', (select string_agg(a::text, ' ' order by a::text)
     from unnest(coalesce(c.relacl, acldefault('r', c.relowner))) a),
    'comment', obj_description(c.oid, 'pg_class'))
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'meshqueue', 'procrastinate') and c.relkind in ('r', 'p')
