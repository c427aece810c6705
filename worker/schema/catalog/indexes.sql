select format('%I.%I', schemaname, indexname), indexdef
from pg_indexes
where schemaname in ('public', 'meshqueue', 'procrastinate')
