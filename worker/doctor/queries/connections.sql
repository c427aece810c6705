-- Server, database and role each have a limit; the one that leaves the least room counts. Ours are not among the others.
with sessions as (
  select a.datname, a.usename
  from pg_stat_activity a
  where a.backend_type = 'client backend' and a.application_name not like 'meshqueue %'
)
select scope."limit", scope.others,
  (select count(*) from meshqueue.workers w where meshqueue.worker_lives(w)) as workers
from (
  select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
    (select count(*) from sessions)
  union all
  select d.datconnlimit, (select count(*) from sessions s where s.datname = d.datname)
  from pg_database d where d.datname = current_database() and d.datconnlimit >= 0
  union all
  select r.rolconnlimit, (select count(*) from sessions s where s.usename = r.rolname)
  from pg_roles r where r.rolname = current_user and r.rolconnlimit >= 0
) scope ("limit", others)
order by scope."limit" - scope.others
limit 1
