select who, (extract(epoch from age) / 60)::integer as minutes, remedy
from (
  select format('%%s of %%s, %%s (pid %%s)', coalesce(nullif(a.application_name, ''), 'a session'), a.usename, a.state, a.pid)
      as who,
    clock_timestamp() - a.xact_start as age,
    format('select pg_terminate_backend(%%s)', a.pid) as remedy
  from pg_stat_activity a
  where a.datname = current_database() and a.backend_type = 'client backend' and a.pid <> pg_backend_pid()
  union all
  select format('the prepared transaction %%s of %%s', p.gid, p.owner), clock_timestamp() - p.prepared,
    format('rollback prepared %%L', p.gid)
  from pg_prepared_xacts p where p.database = current_database()
) open
where age > %s
order by age desc
