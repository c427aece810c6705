select n.nspname,
  concat_ws(' ', 'owner', pg_get_userbyid(n.nspowner), 'grants',
    (select string_agg(a::text, ' ' order by a::text)
     from unnest(coalesce(n.nspacl, acldefault('n', n.nspowner))) a))
from pg_namespace n
where n.nspname in ('meshqueue', 'procrastinate')
