select format('%I on %I.%I', policyname, schemaname, tablename),
  concat_ws(' ', permissive, cmd, 'to', array_to_string(roles, ', '), 'using', qual, 'check', with_check)
from pg_policies
where schemaname in ('public', 'meshqueue', 'procrastinate', 'auth', 'storage', 'realtime')
