-- What objects that postgres makes will give to clients: what the Data API can use, for even today's projects leave anon
-- TRUNCATE and the like by default. PUBLIC may run every new function: that one can't be changed
-- for one schema, and each of ours takes it back by name.
select coalesce(n.nspname, 'every schema') as schema,
  format('%s in %s to %s', case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' else 'functions' end,
    coalesce(n.nspname, 'every schema'), a.grantee::regrole) as told
from pg_default_acl d
left join pg_namespace n on n.oid = d.defaclnamespace
cross join lateral aclexplode(d.defaclacl) a
where d.defaclrole = (select oid from pg_roles where rolname = 'postgres')
  and d.defaclobjtype in ('r', 'S', 'f')
  and (n.nspname is null or n.nspname in ('public', 'meshqueue', 'procrastinate'))
  and a.grantee in (select oid from pg_roles where rolname in ('anon', 'authenticated'))
  and a.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE', 'USAGE', 'EXECUTE')
group by 1, 2
order by 1, 2
