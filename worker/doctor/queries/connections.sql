-- Of the limits of server, database and role the lowest counts; ours are not counted among the others.
select
  (select count(*) from meshqueue.workers w where meshqueue.worker_lives(w)) as workers,
  least(
    current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
    (select nullif(d.datconnlimit, -1) from pg_database d where d.datname = current_database()),
    (select nullif(r.rolconnlimit, -1) from pg_roles r where r.rolname = current_user)
  ) as limit,
  (select count(*) from pg_stat_activity a
   where a.backend_type = 'client backend' and a.application_name not like 'meshqueue %') as others
