select p.oid::regprocedure::text,
  concat_ws(' ', case when p.prokind <> 'a' then pg_get_functiondef(p.oid) end,
    'owner', pg_get_userbyid(p.proowner),
    'grants', (select string_agg(a::text, ' ' order by a::text)
     from unnest(coalesce(p.proacl, acldefault('f', p.proowner))) a),
    'comment', obj_description(p.oid, 'pg_proc'))
from pg_proc p
join pg_namespace n on n.oid = p.pronamespace
where n.nspname in ('public', 'meshqueue', 'procrastinate')
  and not exists (
    select from pg_depend d
    where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
  )
