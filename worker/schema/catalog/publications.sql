select format('%I: %I.%I', pubname, schemaname, tablename),
  concat_ws(' ', array_to_string(attnames, ', '), 'where', rowfilter)
from pg_publication_tables
where schemaname in ('public', 'meshqueue', 'procrastinate')
